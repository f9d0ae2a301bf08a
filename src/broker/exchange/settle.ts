import type { App, Grant } from '../../config/deployment.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import { detailsToScopes } from '../../scope/authorization-details.ts';
import { canonicalConstraints } from '../../scope/canonical-constraints.ts';
import type { InForce } from '../configuration.ts';
import { ADMIN_CLIENT } from './admin-client.ts';
import type { Asked } from './asked.ts';
import type { Authority } from './authority.ts';
import { settleLifetime } from './lifetime.ts';
import { settleActions } from './settle-actions.ts';
import { otherResource, type Part, settleStorage } from './settle-storage.ts';
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
export const settle = (written: Asked, circumstances: Circumstances): Settled => {
  const { app, authority, bound, inForce, issuer } = circumstances;
  // Canonical before any decision, and only here: the caller is known, so what is refused is on record.
  const asked = { ...written, constraints: canonicalConstraints(written.constraints) };
  const target = findTarget(resourceOf(asked, authority), authority, inForce, issuer);
  if (target.kind === 'admin') return settleAdmin(asked, target, circumstances);
  if (target.kind === 'sign-in') return settleSignIn(asked, target, circumstances);
  if (authority.within && authority.within.resource !== target.id) throw otherResource();

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

/** Who signed in, and nothing else: what `/userinfo` tells. Every app that people sign in to may know. */
const settleSignIn = (asked: Asked, target: Target, circumstances: Circumstances): Settled => {
  const { app, authority, bound, inForce, left } = circumstances;
  if (!authority.signedInHere || app.redirect_uris.length === 0)
    throw notGranted('nobody signed in here');
  const grant = { actions: SIGN_IN_SCOPES };
  return {
    target,
    parts: [],
    scopes: SIGN_IN_SCOPES,
    grant,
    lawfulBasis: undefined,
    ttl: settleLifetime(asked.ttl, {
      limits: inForce.deployment.limits.ttl,
      grant: {},
      left,
      bound,
    }),
  };
};

const SIGN_IN_SCOPES = ['openid'];

/** All that any of them allows to be done, for the shortest life among them. */
const combine = (grants: readonly Grant[]): CombinedGrant => {
  const lives = grants.flatMap(({ max_ttl }) => (max_ttl === undefined ? [] : [max_ttl]));
  return {
    actions: [...new Set(grants.flatMap(({ actions }) => actions))],
    ...(lives.length > 0 && { max_ttl: Math.min(...lives) }),
  };
};

/** Data given for one purpose is not narrowed into another. */
const settleLawfulBasis = (asked: Asked, { within }: Authority): string | undefined => {
  const known = within?.lawfulBasis;
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
  const resource = asked.resource ?? asked.details?.[0]?.locations[0] ?? authority.within?.resource;
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
