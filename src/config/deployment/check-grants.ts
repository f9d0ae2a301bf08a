import { STORAGE_ACTIONS } from '../../protocol/authorization-details.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import { fillPrefix, prefixPlaceholders } from '../../scope/scope.ts';
import { type AppType, isPublicType } from '../app-type.ts';
import { nearest } from '../nearest.ts';
import { dangling, sameTenant } from './check-references.ts';
import type { Draft } from './draft.ts';
import { durationText } from './duration-text.ts';
import type { Finding } from './finding.ts';
import type { App, Grant } from './schema.ts';

interface Place {
  readonly draft: Draft;
  readonly app: Pick<App, 'id' | 'tenant' | 'type' | 'grants'>;
  readonly grant: Grant;
  readonly path: readonly PropertyKey[];
}

const BUCKET = 'bucket:';

const unknownActions = ({ grant, path }: Place, known: readonly string[], whose: string) =>
  grant.actions.flatMap((action, index): Finding[] => {
    if (known.includes(action)) return [];
    const meant = nearest(action, known);
    return [
      {
        path: [...path, 'actions', index],
        rule: 'takes_effect',
        message: `"${action}" is not among ${whose}: ${known.join(', ')}`,
        remedy: meant === undefined ? 'choose one of them' : `did you mean ${meant}?`,
      },
    ];
  });

/** A user id as long as ours, to see whether the filled prefix is one. */
const SOMEBODY = `u_${'0'.repeat(26)}`;

const prefixIsCanonical = ({ app, grant, path }: Place): Finding[] => {
  if (grant.prefix === undefined) return [];
  try {
    fillPrefix(grant.prefix, { app_id: app.id, user_id: SOMEBODY });
    return [];
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error;
    return error.violations.map(({ rule, message, remedy }) => ({
      path: [...path, 'prefix'],
      rule,
      message,
      remedy,
    }));
  }
};

/** Deleting counts as writing: it changes what others stored. */
const writes = ({ actions }: Grant): boolean =>
  actions.includes('write') || actions.includes('delete');

/** What anybody can run in a browser must not reach what another user stored. */
const usersApart = ({ app, grant, path }: Place): Finding[] => {
  if (!isPublicType(app.type) || !writes(grant)) return [];
  if (prefixPlaceholders(grant.prefix ?? '').has('user_id')) return [];
  return [
    {
      path: grant.prefix === undefined ? path : [...path, 'prefix'],
      rule: 'user_prefix',
      message: `a ${app.type} app may write here, so each user needs a prefix of their own`,
      remedy: 'put {user_id} into the prefix, such as /app/{user_id}/',
    },
  ];
};

const bucketGrant = (place: Place, name: string): Finding[] => {
  const { draft, app, path } = place;
  const at = [...path, 'resource'];
  const found = [
    ...unknownActions(place, STORAGE_ACTIONS, 'the actions of a bucket'),
    ...prefixIsCanonical(place),
    ...usersApart(place),
  ];
  if (!draft.buckets.byId.has(name))
    return [dangling(at, 'bucket', name, draft.buckets.byId.keys()), ...found];
  const bucket = draft.buckets.byId.get(name);
  if (bucket === undefined) return found;
  return [...sameTenant(draft, at, 'bucket', bucket, app.tenant), ...found];
};

const STORAGE_MEMBERS = ['prefix', 'max_size', 'content_types'] as const;

const storageMembers = ({ grant, path }: Place): Finding[] =>
  STORAGE_MEMBERS.filter((name) => grant[name] !== undefined).map((name) => ({
    path: [...path, name],
    rule: 'takes_effect',
    message: 'limits objects in a bucket, and this resource is an API',
    remedy: 'remove it, or grant a bucket',
  }));

const apiGrant = (place: Place): Finding[] => {
  const { draft, app, grant, path } = place;
  const at = [...path, 'resource'];
  const servers = draft.resource_servers.byId;
  const found = storageMembers(place);
  if (!servers.has(grant.resource))
    return [dangling(at, 'resource server', grant.resource, servers.keys()), ...found];
  const server = servers.get(grant.resource);
  if (server === undefined) return found;
  return [
    ...sameTenant(draft, at, 'resource server', server, app.tenant),
    ...found,
    ...unknownActions(place, server.scopes, 'the scopes of this resource server'),
  ];
};

const ttlTakesEffect = ({ draft, grant, path }: Place): Finding[] => {
  const { max_ttl: max } = grant;
  if (max === undefined || draft.limits === undefined) return [];
  const { floor, ceiling } = draft.limits.ttl;
  // Limits out of order are reported once, where they are written.
  if (floor > ceiling || (max >= floor && max <= ceiling)) return [];
  const above = max > ceiling;
  const bound = above
    ? `above the ceiling of ${durationText(ceiling)}`
    : `below the floor of ${durationText(floor)}`;
  const effect = above ? 'it can never take effect' : 'no token could be issued';
  return [
    {
      path: [...path, 'max_ttl'],
      rule: 'takes_effect',
      message: `${durationText(max)} is ${bound}, so ${effect}`,
      remedy: above
        ? 'lower it, or raise limits.ttl.ceiling'
        : 'raise it, or lower limits.ttl.floor',
    },
  ];
};

/** Apps that may yet register themselves get the same as others: it is looked at before there are any. */
const appsToCome = ({ tenants }: Draft) =>
  tenants.entries.flatMap(({ path, value: { id: tenant, registration } }) => {
    if (!registration) return [];
    const { types, grants } = registration;
    // Of several types the strictest rules hold.
    const type: AppType = types.find(isPublicType) ?? 'service';
    return [{ path: [...path, 'registration'], value: { id: 'c-', tenant, type, grants } }];
  });

/** What apps may ask for: existing places of their tenant, actions known there, users kept apart. */
export const checkGrants = (draft: Draft): Finding[] =>
  [...draft.apps.entries, ...appsToCome(draft)].flatMap(({ path, value: app }) =>
    app.grants.flatMap((grant, index) => {
      const place = { draft, app, grant, path: [...path, 'grants', index] };
      const { resource } = grant;
      return [
        ...(resource.startsWith(BUCKET)
          ? bucketGrant(place, resource.slice(BUCKET.length))
          : apiGrant(place)),
        ...ttlTakesEffect(place),
      ];
    }),
  );
