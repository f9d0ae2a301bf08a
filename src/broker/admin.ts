import type { Holder } from '../ledger/ledger.ts';
import type { AuditRecord, TokenRecord } from '../ledger/records.ts';
import { mustPermit, type PolicyEngine } from '../policy/engine.ts';
import { DPOP_ALGORITHMS } from '../protocol/dpop.ts';
import { OAuthError, unproven } from '../protocol/oauth-error.ts';
import type { CurrentConfiguration, InForce } from './configuration.ts';
import type { RequestContext } from './context.ts';
import {
  ADMIN_CHANGE_AGE,
  ADMIN_CLIENT,
  ADMIN_SIGN_IN_AGE,
  adminClientFor,
  type Role,
  rightsOf,
} from './exchange/admin-client.ts';
import { authoritiesOf } from './exchange/authority.ts';
import { policyUser } from './exchange/question.ts';
import { policyResource } from './exchange/target.ts';
import { holder, isIssuerTrusted } from './use.ts';

/** Someone who has come through the admin door, and how far they reach. */
export interface Admin {
  readonly userId: string;
  readonly tenantId: string;
  /** Whether what they do may touch other tenants. */
  readonly deployment: boolean;
  readonly known: Partial<AuditRecord>;
  /** What must still hold when what they do is done. */
  readonly holder: Holder;
  /** The version of the configuration whose rules gave them their roles. */
  readonly judgedUnder: number;
  /** The same by the rules in force now. @throws {OAuthError} as the door does. */
  readonly judgeAgain: () => Admin;
}

export interface AdminDependencies {
  readonly configuration: CurrentConfiguration;
  readonly policy: PolicyEngine;
  readonly issuer: string;
  readonly now: () => Date;
}

/** What somebody wants to come in for. */
export interface Errand {
  readonly roles: readonly Role[];
  /** `deployment` for what belongs to no single tenant. */
  readonly reach: 'tenant' | 'deployment';
  /** Whether anything may be other than before: then the person signed in a short while ago. */
  readonly changes: boolean;
}

/**
 * May the holder of this token do what takes one of `roles`? Roles are read from the rules in force, so a
 * rule that is gone is gone for tokens already out. Policy may forbid what a role allows, never the reverse.
 *
 * @throws {OAuthError} `invalid_token` for a token that is not for the admin door; `access_denied`;
 *   `insufficient_user_authentication` where the sign-in may be too long ago for a change.
 */
export const createAdminDoor = ({ configuration, policy, issuer, now }: AdminDependencies) => {
  const judge = (token: TokenRecord, errand: Errand, context: RequestContext): Admin => {
    const { roles, reach, changes } = errand;
    const inForce = configuration.get();
    mustBeAdminToken(token, `${issuer}/admin`);
    if (!isIssuerTrusted(token, inForce)) throw unproven('the issuer of the sign-in is gone');
    if (token.userId === undefined || token.issuerId === undefined)
      throw unproven('nobody signed in');
    const rights = rightsOf(inForce.deployment.admins, token.issuerId, token.attributes);
    const held = roles.filter((role) => rights.roles.has(role));
    const beyondTenant = held.some((role) => rights.deployment.has(role));
    if (held.length === 0) throw missing('role', `this takes the role ${roles.join(' or ')}`);
    if (reach === 'deployment' && !beyondTenant)
      throw missing('scope', 'this takes a role with deployment scope');
    if (changes) mustBeFresh(token, now());
    const policies = permit(
      policy,
      token,
      { userId: token.userId, issuerId: token.issuerId },
      inForce,
    );
    return {
      userId: token.userId,
      tenantId: token.tenantId,
      deployment: beyondTenant,
      known: { ...holder(token, context), policies, policyDigest: policy.digest },
      holder: { keys: token.lineage, authorities: authoritiesOf(token) },
      judgedUnder: inForce.version,
      judgeAgain: () => judge(token, errand, context),
    };
  };
  return judge;
};

/**
 * RFC 9470. A token does not say when its person signed in, but no later than that it was issued, and at most
 * `ADMIN_SIGN_IN_AGE` before. Leans closed: it is taken for the longest.
 */
const mustBeFresh = ({ issuedAt }: TokenRecord, now: Date): void => {
  const age = (now.getTime() - issuedAt.getTime()) / 1000 + ADMIN_SIGN_IN_AGE;
  if (age <= ADMIN_CHANGE_AGE) return;
  throw new OAuthError('insufficient_user_authentication', 'the sign-in is too long ago for this', {
    violations: [
      {
        field: 'Authorization',
        rule: 'max_age',
        message: `whoever changes something has signed in within the last ${ADMIN_CHANGE_AGE / 60} minutes`,
        remedy: 'sign in again: daypass login',
      },
    ],
    headers: {
      'WWW-Authenticate': `DPoP algs="${DPOP_ALGORITHMS.join(' ')}", error="insufficient_user_authentication", error_description="sign in again", max_age="${ADMIN_CHANGE_AGE}"`,
    },
  });
};

/** @throws {OAuthError} `access_denied` where policy says no, `temporarily_unavailable` where it cannot say. */
const permit = (
  policy: PolicyEngine,
  token: TokenRecord,
  person: { readonly userId: string; readonly issuerId: string },
  inForce: InForce,
): readonly string[] => {
  const { id, tenant, type, owner } = adminClientFor(token.tenantId);
  return mustPermit(
    policy.decide({
      action: 'admin',
      user: policyUser({ ...person, attributes: token.attributes }, token.tenantId),
      app: { id, tenant, type, owner },
      resource: policyResource({ kind: 'admin', id: token.resource }, token.tenantId, inForce),
      actions: ['admin'],
      constraints: {},
      ttl: 0, // nothing is issued
      ttlCeiling: inForce.deployment.limits.ttl.ceiling,
      bound: token.binding !== undefined,
      actors: token.actors.length,
    }),
  );
};

const mustBeAdminToken = ({ resource, appId, binding }: TokenRecord, door: string): void => {
  const isForIt = resource === door && appId === ADMIN_CLIENT;
  if (!isForIt || binding?.method !== 'dpop') throw unproven('not an admin token');
};

/** Another tenant's things read like things that do not exist. @throws `notFound` */
export const mustReach = (
  admin: Admin,
  tenantId: string | undefined,
  notFound: OAuthError,
): void => {
  if (tenantId === undefined || (tenantId !== admin.tenantId && !admin.deployment)) throw notFound;
};

const missing = (rule: string, message: string): OAuthError =>
  new OAuthError('access_denied', message, {
    violations: [
      {
        field: 'Authorization',
        rule,
        message,
        remedy: 'ask for it under `admins` in the configuration',
      },
    ],
  });
