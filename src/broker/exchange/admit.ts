import { isPublicType } from '../../config/app-type.ts';
import { hasExpired } from '../../config/expiry.ts';
import { OAuthError, unproven, type Violation } from '../../protocol/oauth-error.ts';
import { isFapi2 } from '../app-profile.ts';
import type { InForce } from '../configuration.ts';
import { mustComeFromItsOrigin } from '../origin.ts';
import { ADMIN_CLIENT, ADMIN_SIGN_IN_AGE, rightsOf } from './admin-client.ts';
import { bindingOf } from './binding.ts';
import type { Exchange } from './exchange.ts';
import { mustAllStand } from './standing.ts';

/**
 * May this app ask at all, here and now? The caller is proven by then, so every refusal explains itself.
 *
 * @throws {OAuthError} `access_denied`, `unauthorized_client` or `invalid_dpop_proof`.
 */
export const admit = (exchange: Exchange, inForce: InForce, now: Date): void => {
  mustStillBeProven(exchange, inForce);
  mustAllStand(exchange.authority.actors, inForce, now);
  mustBeInService(exchange, now);
  mustBeAtItsDoor(exchange);
  mustComeFromItsOrigin(exchange.app, exchange.context);
  mustProveAKey(exchange);
  exchange.mustBe?.(exchange.app);
  if (exchange.app.id === ADMIN_CLIENT) mustBeAnAdmin(exchange, inForce, now);
};

/** What was proven under one configuration may have lost its ground under the next. */
const mustStillBeProven = ({ app, authority }: Exchange, { index }: InForce): void => {
  const { user, signIn } = authority;
  if (user && !index.issuerById(user.issuerId)?.enabled) throw unproven('the issuer is gone');
  if (!signIn || app.id === ADMIN_CLIENT) return;
  const named = index.appByAudience(signIn.issuerId, signIn.party);
  if (named?.id !== app.id) throw unproven('ID token of another party');
};

const mustBeInService = ({ app }: Exchange, now: Date): void => {
  if (!app.enabled) {
    throw denied('app_id', 'disabled', 'the app is disabled', 'ask its owner or the platform team');
  }
  if (hasExpired(app, now)) {
    throw denied(
      'app_id',
      'expired',
      'the registration of the app has expired',
      'ask its owner to renew it',
    );
  }
};

/** A confidential app authenticates, and only the token endpoint authenticates clients. */
const mustBeAtItsDoor = ({ app, door }: Exchange): void => {
  if (door === 'token' || isPublicType(app.type)) return;
  throw new OAuthError('unauthorized_client', 'a confidential app exchanges at /token', {
    violations: [
      {
        field: 'app_id',
        rule: 'confidential_app',
        message: 'this app has credentials of its own, which are not checked here',
        remedy: 'use the token-exchange grant at /token, with client authentication',
      },
    ],
  });
};

const mustProveAKey = (exchange: Exchange): void => {
  const { app, jkt } = exchange;
  // FAPI 2.0 §5.3.2.1-4: one or the other, where the app has a certificate; else `dpop` is required.
  const isBoundByCertificate = app.certificate_bound || (isFapi2(app) && app.dpop === 'optional');
  if (isBoundByCertificate && bindingOf(exchange) === undefined) throw noCertificate();
  if (jkt !== undefined || app.dpop === 'optional') return;
  throw new OAuthError('invalid_dpop_proof', 'this app must prove a key with each exchange', {
    violations: [
      {
        field: 'DPoP',
        rule: 'required',
        message: 'the request has no DPoP proof',
        remedy: 'send a DPoP header (RFC 9449), or ask for `dpop: optional` where the tool cannot',
      },
    ],
  });
};

const noCertificate = (): OAuthError =>
  new OAuthError('invalid_request', 'tokens of this app are bound to a certificate or a key', {
    violations: [
      {
        field: 'client_certificate',
        rule: 'required',
        message: 'the connection has no client certificate, and the request no DPoP proof',
        remedy: 'present a client certificate in the TLS handshake (RFC 8705 §3)',
      },
    ],
  });

/** The one exception to "never impersonate an admin": their own, fresh sign-in, for this door only. */
const mustBeAnAdmin = ({ authority }: Exchange, inForce: InForce, now: Date): void => {
  const signIn = authority.signIn ?? authority.signedInHere;
  if (!signIn) throw notAdmin('not a sign-in');
  const issuer = inForce.index.issuerById(signIn.issuerId);
  const clientId = issuer?.sign_in?.client_id;
  const isForUs = signIn.audiences.length === 1 && signIn.audiences[0] === clientId;
  if (clientId === undefined || !isForUs) throw notAdmin('ID token is not for admin sign-in');
  const age = now.getTime() / 1000 - (signIn.authenticatedAt ?? signIn.issuedAt);
  if (age > ADMIN_SIGN_IN_AGE) {
    throw denied('subject_token', 'sign_in_age', 'the sign-in is too long ago', 'sign in again');
  }
  const { roles } = rightsOf(inForce.deployment.admins, signIn.issuerId, signIn.attributes);
  if (roles.size === 0) throw notAdmin('no admin rule matches');
};

const notAdmin = (detail: string): OAuthError =>
  denied(
    'app_id',
    'no_admin_role',
    'this sign-in has no admin role',
    'ask for a role under `admins`',
    detail,
  );

const denied = (field: string, rule: string, message: string, remedy: string, detail?: string) =>
  new OAuthError('access_denied', message, {
    violations: [{ field, rule, message, remedy } satisfies Violation],
    ...(detail === undefined ? {} : { detail }),
  });
