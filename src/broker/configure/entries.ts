import type { DeploymentDocument } from '../../config/deployment.ts';
import type { Configurations, Page, Tokens } from '../../ledger/ledger.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import { type Admin, mustReach } from '../admin.ts';
import { createWhileHeld } from '../while-held.ts';
import { administrator, type ChangeConfiguration } from './change.ts';
import { type Conditions, entityTagOf, mustHold } from './entity-tag.ts';
import { noSuch, outOfReach, renamed, taken, withoutId } from './entry-refusals.ts';
import {
  type Entry,
  type EntryKind,
  entriesOf,
  entryPlace,
  isExpired,
  type Member,
  memberPlace,
  type Place,
  tenantOf,
} from './place.ts';

export interface EntriesDependencies {
  readonly change: ChangeConfiguration;
  readonly configurations: Pick<Configurations, 'current'>;
  readonly tokens: Pick<Tokens, 'recheck'>;
  readonly now: () => Date;
}

/** Part of the configuration as it was written, and the tag that tells it from what it becomes. */
export interface Shown {
  readonly value: object;
  readonly tag: string;
}

export interface EntryFilter {
  readonly tenant?: string | undefined;
  readonly owner?: string | undefined;
  readonly expired?: boolean | undefined;
}

/** The configuration one part at a time. */
export const createEntries = ({ change, configurations, now, ...rest }: EntriesDependencies) => {
  const whileHeld = createWhileHeld(rest);

  const inForce = async (admin: Admin): Promise<DeploymentDocument> => {
    const applied = await whileHeld(admin, () => configurations.current());
    return (applied?.document ?? {}) as DeploymentDocument;
  };

  const replace = async (
    admin: Admin,
    place: Place,
    value: object,
    conditions: Conditions,
    written: readonly string[] = [],
  ): Promise<Shown & { readonly created: boolean }> => {
    const { edited, changes } = await change(place, administrator(admin), (document, judged) => {
      const before = place.read(document);
      mustReachBoth(judged, place, before, value);
      mustHold(conditions, before && entityTagOf(before));
      return { document: place.write(document, value), written, before };
    });
    // Another spelling of what is in force changes nothing.
    const kept = changes.length === 0 && edited.before ? edited.before : value;
    return { ...shown(kept), created: edited.before === undefined };
  };

  return {
    /** Those within reach, by their ids; one page. */
    listEntries: async (
      admin: Admin,
      kind: EntryKind,
      filter: EntryFilter,
      { limit, after = '' }: Page,
    ): Promise<readonly Entry[]> => {
      const document = await inForce(admin);
      const at = now();
      return entriesOf(document, kind)
        .filter((entry) => admin.deployment || tenantOf(kind, entry) === admin.tenantId)
        .filter((entry) => isWanted(kind, entry, filter, at) && entry.id > after)
        .toSorted((one, other) => (one.id < other.id ? -1 : 1))
        .slice(0, limit);
    },

    /** @throws {OAuthError} `not_found` where there is none, or none within reach. */
    showEntry: async (admin: Admin, kind: EntryKind, id: string): Promise<Shown> => {
      const place = entryPlace(kind, id);
      const value = place.read(await inForce(admin));
      mustReach(admin, value && place.tenantOf(value), noSuch(place));
      if (!value) throw noSuch(place);
      return shown(value);
    },

    /**
     * Creates the entry, or replaces it as a whole.
     *
     * @throws {OAuthError} `invalid_request` with what is wrong with it, `conflict` where others do not go with
     *   it, `precondition_failed`, `not_found` where the id is another tenant's.
     */
    putEntry: (
      admin: Admin,
      kind: EntryKind,
      id: string,
      value: object,
      conditions: Conditions,
    ): Promise<Shown & { readonly created: boolean }> => {
      mustNameItself(value, id);
      const written = kind === 'apps' ? [id] : [];
      return replace(admin, entryPlace(kind, id), { ...value, id }, conditions, written);
    },

    /** As `putEntry` for an id that nothing has, which the entry says itself. @throws also `conflict` where it is taken. */
    createEntry: async (admin: Admin, kind: EntryKind, value: object): Promise<Entry & Shown> => {
      const id = ownId(value);
      const place = entryPlace(kind, id);
      const written = kind === 'apps' ? [id] : [];
      const created = await replace(admin, place, value, { ifNoneMatch: '*' }, written).catch(
        (error: unknown) => {
          throw isTaken(error) ? taken(place) : error;
        },
      );
      return { ...created, id };
    },

    /** @throws {OAuthError} `conflict` with what refers to it; `precondition_failed`; `not_found`. */
    deleteEntry: async (
      admin: Admin,
      kind: EntryKind,
      id: string,
      conditions: Conditions,
    ): Promise<void> => {
      const place = entryPlace(kind, id);
      await change(place, administrator(admin), (document, judged) => {
        const before = place.read(document);
        mustReach(judged, before && place.tenantOf(before), noSuch(place));
        mustHold(conditions, before && entityTagOf(before));
        return { document: place.write(document, undefined), written: [] };
      });
    },

    showMember: async (admin: Admin, member: Member): Promise<Shown> =>
      shown(memberPlace(member).read(await inForce(admin)) ?? []),

    /** @throws as `putEntry` does. */
    putMember: (
      admin: Admin,
      member: Member,
      value: object,
      conditions: Conditions,
    ): Promise<Shown> => replace(admin, memberPlace(member), value, conditions),
  };
};

export type Entries = ReturnType<typeof createEntries>;

const shown = (value: object): Shown => ({ value, tag: entityTagOf(value) });

const isWanted = (
  kind: EntryKind,
  entry: Entry,
  { tenant, owner, expired }: EntryFilter,
  now: Date,
): boolean =>
  (tenant === undefined || tenantOf(kind, entry) === tenant) &&
  (owner === undefined || entry.owner === owner) &&
  (expired === undefined || isExpired(entry, now) === expired);

/** What is there belongs to a tenant within reach, and so does what takes its place. */
const mustReachBoth = (
  admin: Admin,
  place: Place,
  before: object | undefined,
  after: object,
): void => {
  if (admin.deployment) return;
  if (before) mustReach(admin, place.tenantOf(before), noSuch(place));
  const tenant = place.tenantOf(after);
  // One that is missing is said with all else that is.
  if (tenant === undefined || tenant === admin.tenantId) return;
  throw outOfReach(admin);
};

const mustNameItself = (value: object, id: string): void => {
  if (!('id' in value) || value.id === id) return;
  throw renamed();
};

const ownId = (value: object): string => {
  if ('id' in value && typeof value.id === 'string' && value.id !== '') return value.id;
  throw withoutId();
};

/** One within reach, or another tenant's: an id is given once in the deployment. */
const isTaken = (error: unknown): boolean =>
  error instanceof OAuthError &&
  (error.code === 'precondition_failed' || error.code === 'not_found');
