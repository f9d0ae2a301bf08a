import type { App, Grant } from '../../config/deployment.ts';
import type { Constraints, StorageDetail } from '../../protocol/authorization-details.ts';
import { OAuthError, type Violation } from '../../protocol/oauth-error.ts';
import { attenuate } from '../../scope/attenuate.ts';
import { detailsToScopes, scopesToDetails } from '../../scope/authorization-details.ts';
import type { InForce } from '../configuration.ts';
import { ADMIN_CLIENT } from './admin-client.ts';
import type { Asked } from './asked.ts';
import { type Authority, heldDetails } from './authority.ts';
import { settleLifetime } from './lifetime.ts';
import { findTarget, grantsFor, notGranted, type Target, toDetail } from './target.ts';

/** What would be issued if policy agrees: inside subject ∩ app ∩ request (law 2). */
export interface Settled {
  readonly target: Target;
  /** One for each part of the request that has its own limits; none for an API or the admin door. */
  readonly parts: readonly { readonly detail: StorageDetail; readonly grant: StorageDetail }[];
  readonly scopes: readonly string[];
  /** Seconds. */
  readonly ttl: number;
  /** The app's own grant, for policy. */
  readonly grant: Grant | undefined;
}

export interface Circumstances {
  readonly app: App;
  readonly authority: Authority;
  readonly bound: boolean;
  readonly inForce: InForce;
  readonly issuer: string;
  /** Seconds that the authority and the app have left. */
  readonly left: number;
}

/**
 * Settles what an exchange is about.
 *
 * @throws {OAuthError} `invalid_target`, `invalid_scope` or `invalid_request` with violations.
 */
export const settle = (asked: Asked, circumstances: Circumstances): Settled => {
  const { app, authority, bound, inForce, issuer } = circumstances;
  const target = findTarget(resourceOf(asked, authority), authority, inForce, issuer);
  if (target.kind === 'admin') return settleAdmin(asked, target, circumstances);
  if (authority.held && authority.held.resource !== target.id) throw otherResource();

  const grants = grantsFor(app, target);
  const parts =
    target.kind === 'bucket'
      ? settleStorage(
          asked,
          target.id,
          grants.map((grant) => toDetail(grant, app, authority.user?.userId)),
          authority,
        )
      : [];
  const scopes =
    target.kind === 'bucket'
      ? detailsToScopes(parts.map(({ detail }) => detail))
      : settleActions(asked, grants, authority);
  const grant = grants.length === 1 ? grants[0] : narrowest(grants);
  return {
    target,
    parts,
    scopes,
    grant,
    ttl: settleLifetime(asked.ttl, {
      limits: inForce.deployment.limits.ttl,
      grant,
      left: circumstances.left,
      bound,
    }),
  };
};

/** The admin door opens for the built-in client alone, and what is behind it depends on roles, not scopes. */
const settleAdmin = (asked: Asked, target: Target, circumstances: Circumstances): Settled => {
  const { app, bound, inForce, left } = circumstances;
  if (app.id !== ADMIN_CLIENT) throw notGranted(`${app.id} at the admin door`);
  if (asked.actions?.some((action) => action !== 'admin')) {
    throw new OAuthError('invalid_scope', 'the admin door has one action', {
      violations: [
        {
          field: 'actions',
          rule: 'not_held',
          message: 'only "admin" can be asked for here',
          remedy: 'ask for ["admin"]',
        },
      ],
    });
  }
  const bounds = {
    limits: inForce.deployment.limits.ttl,
    grant: undefined,
    left,
    bound,
  };
  return {
    target,
    parts: [],
    scopes: ['admin'],
    grant: undefined,
    ttl: settleLifetime(asked.ttl, bounds),
  };
};

/** Several grants of one resource: the shortest life among them holds for all. */
const narrowest = (grants: readonly Grant[]): Grant | undefined =>
  grants.toSorted((a, b) => (a.max_ttl ?? Number.MAX_VALUE) - (b.max_ttl ?? Number.MAX_VALUE))[0];

const resourceOf = (asked: Asked, authority: Authority): string => {
  const resource = asked.resource ?? asked.details?.[0]?.locations[0] ?? authority.held?.resource;
  if (resource !== undefined) return resource;
  throw new OAuthError('invalid_target', 'name the resource the token is for', {
    violations: [
      {
        field: 'resource',
        rule: 'required',
        message: 'no resource was named',
        remedy: 'name one, such as bucket:project-123',
      },
    ],
  });
};

const otherResource = (): OAuthError =>
  new OAuthError('invalid_target', 'the subject token is for another resource', {
    violations: [
      {
        field: 'resource',
        rule: 'not_held',
        message: 'a narrowed token keeps the resource of the token it comes from',
        remedy: 'leave the resource out, or exchange the ID token instead',
      },
    ],
  });

/**
 * Each part asked for, inside the app's grants and inside what the subject token holds.
 *
 * Action by action, because an app may hold reading here and writing there; actions with the same
 * limits then become one part again.
 */
const settleStorage = (
  asked: Asked,
  resource: string,
  grants: readonly StorageDetail[],
  authority: Authority,
): Settled['parts'] => {
  const held = heldDetails(authority) ?? grants;
  const wanted = asked.details ?? [
    {
      locations: [resource] as const,
      actions: asked.actions ?? actionsOf(held),
      ...asked.constraints,
    },
  ];
  const each = wanted.flatMap(({ locations, actions, ...limits }) => {
    if (locations[0] !== resource) throw otherResource();
    return onePart(held, resource, actions, limitsOf(limits));
  });
  return scopesToDetails(detailsToScopes(each)).map((detail) => {
    // What the app holds now, not what it held when the subject token was issued.
    if (authority.held) onePart(grants, resource, detail.actions, limitsOf(detail));
    return { detail, grant: grants.find((grant) => holds(grant, detail)) ?? detail };
  });
};

const actionsOf = (held: readonly StorageDetail[]): readonly string[] => [
  ...new Set(held.flatMap(({ actions }) => actions)),
];

const onePart = (
  held: readonly StorageDetail[],
  resource: string,
  actions: readonly string[],
  constraints: Constraints,
): readonly StorageDetail[] =>
  (actions.length === 0 ? [actions] : actions.map((action) => [action])).map((one) =>
    granted(attenuate({ held, asked: { resource, actions: one, constraints } })),
  );

const holds = (grant: StorageDetail, detail: StorageDetail): boolean =>
  'granted' in
  attenuate({
    held: [grant],
    asked: {
      resource: detail.locations[0],
      actions: detail.actions,
      constraints: limitsOf(detail),
    },
  });

const limitsOf = ({ prefix, max_size, content_types }: Partial<StorageDetail>) => ({
  ...(prefix === undefined ? {} : { prefix }),
  ...(max_size === undefined ? {} : { max_size }),
  ...(content_types === undefined ? {} : { content_types }),
});

const granted = (answer: ReturnType<typeof attenuate>): StorageDetail => {
  if ('granted' in answer) return answer.granted;
  throw new OAuthError(answer.code, 'more was asked for than is held', {
    violations: answer.violations,
  });
};

/** Scopes of an API are words: each asked for must be held, by the app and by the subject token. */
const settleActions = (
  asked: Asked,
  grants: readonly Grant[],
  authority: Authority,
): readonly string[] => {
  const ofApp = new Set(grants.flatMap(({ actions }) => actions));
  const held = authority.held
    ? authority.held.scopes.filter((scope) => ofApp.has(scope))
    : [...ofApp];
  const wanted = asked.actions ?? held;
  const violations = wanted
    .filter((action) => !held.includes(action))
    .map(
      (action): Violation => ({
        field: 'actions',
        rule: 'not_held',
        message: `${JSON.stringify(action.slice(0, 64))} is not held on this resource`,
        remedy: `ask for some of: ${held.join(' ')}`,
      }),
    );
  if (violations.length > 0 || wanted.length === 0) {
    throw new OAuthError('invalid_scope', 'more was asked for than is held', { violations });
  }
  return [...new Set(wanted)];
};
