import type { App, Grant } from '../../config/deployment.ts';
import {
  type Constraints,
  STORAGE_ACTIONS,
  type StorageAction,
  type StorageDetail,
} from '../../protocol/authorization-details.ts';
import { OAuthError, type Violation } from '../../protocol/oauth-error.ts';
import { attenuate } from '../../scope/attenuate.ts';
import { detailsToScopes } from '../../scope/authorization-details.ts';
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
  readonly parts: readonly Part[];
  readonly scopes: readonly string[];
  /** Seconds. */
  readonly ttl: number;
  /** What the app's grants for the target come to together; none at the admin door. */
  readonly grant: CombinedGrant | undefined;
  /** As asked, or as the subject token already says. */
  readonly lawfulBasis: string | undefined;
}

/** What would be issued under one grant, and that grant. */
export interface Part {
  readonly detail: StorageDetail;
  readonly grant: StorageDetail;
}

interface CombinedGrant {
  readonly actions: readonly string[];
  readonly max_ttl?: number;
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
  const grant = combine(grants);
  return {
    target,
    parts,
    scopes,
    grant,
    lawfulBasis: settleLawfulBasis(asked, authority),
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
    lawfulBasis: undefined,
    ttl: settleLifetime(asked.ttl, bounds),
  };
};

/** All that any of them allows to be done, for the shortest life among them. */
const combine = (grants: readonly Grant[]): CombinedGrant => {
  const lives = grants.flatMap(({ max_ttl }) => (max_ttl === undefined ? [] : [max_ttl]));
  return {
    actions: [...new Set(grants.flatMap(({ actions }) => actions))],
    ...(lives.length > 0 && { max_ttl: Math.min(...lives) }),
  };
};

/** Data given for one purpose is not narrowed into another. */
const settleLawfulBasis = (asked: Asked, { held }: Authority): string | undefined => {
  const known = held?.lawfulBasis;
  if (known === undefined || asked.lawfulBasis === undefined || asked.lawfulBasis === known) {
    return asked.lawfulBasis ?? known;
  }
  throw new OAuthError('invalid_request', 'the subject token has another lawful basis', {
    violations: [
      {
        field: 'lawful_basis',
        rule: 'same_basis',
        message: `the subject token was issued for ${known}`,
        remedy: 'leave lawful_basis out, or exchange the ID token for the other basis',
      },
    ],
  });
};

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
  const parts = new Map<string, Part>();
  for (const detail of each) {
    // What the app holds now, not what it held when the subject token was issued.
    if (authority.held) onePart(grants, resource, detail.actions, limitsOf(detail));
    const grant = grants.find((one) => holds(one, detail));
    if (!grant) throw notGranted('no grant holds a part of its own');
    const key = JSON.stringify([grants.indexOf(grant), limitsOf(detail)]);
    parts.set(key, { grant, detail: withActions(detail, parts.get(key)?.detail.actions ?? []) });
  }
  return [...parts.values()];
};

/** The same limits, with the actions of both in the order the vocabulary has them. */
const withActions = (detail: StorageDetail, more: readonly StorageAction[]): StorageDetail => {
  const all = new Set([...more, ...detail.actions]);
  return { ...detail, actions: STORAGE_ACTIONS.filter((action) => all.has(action)) };
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
