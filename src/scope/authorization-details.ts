import type { StorageAction, StorageDetail } from '../protocol/authorization-details.ts';
import { inOrder, readActions } from './actions.ts';
import {
  CONSTRAINT_MEMBERS,
  isRecord,
  readMembers,
  unknownMembers,
} from './canonical-constraints.ts';
import { orThrow, type Reading, read, refuse, violationsOf } from './reading.ts';
import { bucketLocation, bucketOf } from './resource.ts';
import { parseStorageScope, printStorageScope, type StorageScope } from './storage-scope.ts';

export const STORAGE_DETAIL_TYPE = 'daypass_storage';

const MEMBERS = ['type', 'locations', 'actions', ...CONSTRAINT_MEMBERS];

const scopesOf = (detail: StorageDetail): readonly string[] => {
  const { type: _, locations, actions, ...constraints } = detail;
  const bucket = bucketOf(locations[0]);
  if (bucket === undefined) throw new TypeError('a storage detail without its bucket');
  return inOrder(actions).map((action) => printStorageScope({ bucket, action, ...constraints }));
};

/** The scopes that say the same as `details`: one per action, each once, in the details' order. */
export const detailsToScopes = (details: readonly StorageDetail[]): readonly string[] => [
  ...new Set(details.flatMap(scopesOf)),
];

const toDetail = ({ bucket, action, ...constraints }: StorageScope): StorageDetail => ({
  type: STORAGE_DETAIL_TYPE,
  locations: [bucketLocation(bucket)],
  actions: [action],
  ...constraints,
});

const withAction = (detail: StorageDetail, action: StorageAction): StorageDetail => ({
  ...detail,
  actions: inOrder([...detail.actions, action]),
});

/**
 * The details that say the same as `scopes`, all of them storage scopes: those that differ in their
 * action only become one detail, where the first of them stood.
 *
 * @throws OAuthError `invalid_scope` for a scope that is not a canonical storage scope
 */
export const scopesToDetails = (scopes: readonly string[]): readonly StorageDetail[] => {
  const details = new Map<string, StorageDetail>();
  for (const text of scopes) {
    const scope = parseStorageScope(text);
    // The same scope for one fixed action: equal exactly where bucket and constraints are.
    const group = printStorageScope({ ...scope, action: 'read' });
    const found = details.get(group);
    details.set(group, found ? withAction(found, scope.action) : toDetail(scope));
  }
  return [...details.values()];
};

const readType = (type: unknown, field: string): Reading<typeof STORAGE_DETAIL_TYPE> =>
  type === STORAGE_DETAIL_TYPE
    ? read(STORAGE_DETAIL_TYPE)
    : refuse(field, {
        rule: 'unknown_type', // RFC 9396 §5: an unknown type MUST be refused
        message: 'this type of authorization details is not known',
        remedy: `use ${STORAGE_DETAIL_TYPE}`,
      });

/** One bucket per detail, or a token for two places could be used by either against the other. */
const readLocations = (locations: unknown, field: string): Reading<readonly [string]> => {
  const [location, ...others] = Array.isArray(locations) ? locations : [];
  return typeof location === 'string' && others.length === 0 && bucketOf(location) !== undefined
    ? read([location])
    : refuse(field, {
        rule: 'one_location',
        message: 'locations is a list of exactly one bucket:<id>',
        remedy: 'write one detail per bucket',
      });
};

const readDetail = (json: unknown, at: string): Reading<StorageDetail> => {
  if (!isRecord(json)) {
    return refuse(at, {
      rule: 'detail_type',
      message: 'an authorization detail is an object',
      remedy: `give an object with the type ${STORAGE_DETAIL_TYPE}`,
    });
  }
  const type = readType(json.type, `${at}.type`);
  const locations = readLocations(json.locations, `${at}.locations`);
  const actions = readActions(json.actions, `${at}.actions`);
  const constraints = readMembers(json, at);
  const unknown = unknownMembers(json, MEMBERS, at);
  if (
    'value' in type &&
    'value' in locations &&
    'value' in actions &&
    'value' in constraints &&
    unknown.length === 0
  ) {
    return read({
      type: type.value,
      locations: locations.value,
      actions: actions.value,
      ...constraints.value,
    });
  }
  return {
    violations: [...unknown, ...[type, locations, actions, constraints].flatMap(violationsOf)],
  };
};

/**
 * The `authorization_details` parameter (RFC 9396 §2), as parsed JSON, into canonical details.
 *
 * @throws OAuthError `invalid_authorization_details` (RFC 9396 §5) with every violation of every
 * detail: unknown type or member, wrong type, several locations, duplicate actions
 */
export const parseAuthorizationDetails = (
  json: unknown,
  at = 'authorization_details',
): readonly StorageDetail[] => {
  const readings = Array.isArray(json)
    ? json.map((detail, index) => readDetail(detail, `${at}[${index}]`))
    : [];
  const violations = readings.flatMap(violationsOf);
  if (violations.length > 0) return orThrow({ violations }, 'invalid_authorization_details');
  if (readings.length > 0) return readings.flatMap((r) => ('value' in r ? [r.value] : []));
  return orThrow(
    refuse(at, {
      rule: 'details_list',
      message: 'authorization_details is a list of at least one detail',
      remedy: 'give a JSON array, or leave the parameter out',
    }),
    'invalid_authorization_details',
  );
};
