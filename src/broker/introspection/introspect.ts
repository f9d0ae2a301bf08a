import type { App } from '../../config/deployment.ts';
import { hasExpired } from '../../config/expiry.ts';
import type { HeldToken } from '../../ledger/ledger.ts';
import type { TokenRecord } from '../../ledger/records.ts';
import { OAuthError, unproven } from '../../protocol/oauth-error.ts';
import { mustBeBoundUnderProfile } from '../app-profile.ts';
import { type Audited, recordRefusal } from '../audited.ts';
import { type CurrentConfiguration, type InForce, underConfiguration } from '../configuration.ts';
import type { RequestContext } from '../context.ts';
import { accessTokenClaims } from '../exchange/access-token-claims.ts';
import { tokenTypeOf } from '../exchange/answer.ts';
import { fromToken } from '../exchange/authority.ts';
import { mustAllStand } from '../exchange/standing.ts';
import { findTarget, grantsFor, type Target } from '../exchange/target.ts';
import type { FindToken } from '../find-token.ts';
import { holder, isIssuerTrusted } from '../use.ts';

export interface IntrospectDependencies extends Audited {
  readonly findToken: FindToken;
  readonly configuration: CurrentConfiguration;
  readonly issuer: string;
}

/** The members of an answer (RFC 7662 §2.2), as in a JWT access token of ours. */
export type Introspection =
  | { readonly active: false }
  | { readonly active: true; readonly [member: string]: unknown };

export type Introspect = (
  token: string,
  caller: App,
  context: RequestContext,
) => Promise<Introspection>;

/** Says nothing of why: unknown, dead and another's read alike (RFC 7662 §2.2). */
const INACTIVE: Introspection = { active: false };

/**
 * Introspection (RFC 7662): is this token good now, and for what? Asked of the ledger each time, so what
 * was revoked is inactive from that moment on every instance.
 *
 * Its answer is for whom the token concerns: the clients its resource server named, and the app it was
 * issued to. What anybody else asks of a live token, and what is asked of a revoked one, is on record.
 *
 * @param caller has authenticated.
 * @throws {OAuthError} `temporarily_unavailable`: what cannot be looked up is neither active nor inactive.
 */
export const createIntrospect = (dependencies: IntrospectDependencies): Introspect => {
  const { findToken, configuration, issuer, now } = dependencies;
  return async (value, caller, context) => {
    const held = await findToken(value);
    if (!held || held.token.expiresAt <= now()) return INACTIVE;
    try {
      return await underConfiguration(configuration, (inForce) => {
        mustConcern(held.token, caller, inForce);
        return { active: true, ...membersOf(held, inForce, issuer, now()) } as const;
      });
    } catch (error) {
      if (!(error instanceof OAuthError) || error.status >= 500) throw error;
      const known = holder(held.token, context);
      const event = { ...known, action: 'token.introspect', detail: { asked_by: caller.id } };
      await recordRefusal(dependencies, error, event);
      return INACTIVE;
    }
  };
};

const mustConcern = (
  { appId, resource, tenantId }: TokenRecord,
  caller: App,
  { index }: InForce,
) => {
  if (caller.tenant !== tenantId) throw unproven('asked by an app of another tenant');
  if (caller.id === appId) return;
  const asks = index.resourceServer(resource)?.introspection_clients ?? [];
  if (!asks.includes(caller.id)) throw unproven('asked by an app the token does not concern');
};

/** What the token is good for now. @throws {OAuthError} where that is nothing any more. */
const membersOf = (
  { token, revoked }: HeldToken,
  inForce: InForce,
  issuer: string,
  now: Date,
): object => {
  if (revoked) throw unproven('token is revoked');
  const app = inForce.index.app(token.appId);
  if (!app?.enabled || hasExpired(app, now)) throw unproven('the app of the token is gone');
  mustBeBoundUnderProfile(app, token);
  if (!isIssuerTrusted(token, inForce)) throw unproven('the issuer of the sign-in is gone');
  mustAllStand(token.actors, inForce, now);
  const target = findTarget(token.resource, fromToken(token), inForce, issuer);
  return {
    ...accessTokenClaims(token, issuer),
    scope: scopesNow(token, app, target).join(' '),
    token_type: tokenTypeOf(token),
  };
};

/**
 * What was taken from an app's grant is gone for tokens already out. Storage is held to the grant where
 * it is used, and only by us; another API has nothing but this answer to go by.
 */
const scopesNow = (token: TokenRecord, app: App, target: Target): readonly string[] => {
  if (target.kind === 'sign-in') return token.scopes;
  const grants = grantsFor(app, target);
  if (target.kind !== 'api') return token.scopes;
  const scopes = token.scopes.filter(
    (scope) =>
      target.server.scopes.includes(scope) && grants.some(({ actions }) => actions.includes(scope)),
  );
  if (scopes.length === 0) throw unproven('nothing of it is granted any more');
  return scopes;
};
