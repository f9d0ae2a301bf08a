import { errors, type JWKS, Provider } from 'oidc-provider';
import type { Artifacts } from '../ledger/artifacts.ts';
import { createAdapter, hashOf } from './adapter.ts';
import { createClients, isSecretOf } from './clients.ts';
import { type GrantDependencies, registerGrants } from './grants.ts';
import { refusals } from './refusals.ts';

export interface ProviderDependencies extends GrantDependencies {
  readonly issuer: string;
  readonly artifacts: Artifacts;
  readonly jwks: JWKS;
  readonly cookieKeys: readonly Buffer[];
  readonly now: () => Date;
}

/** Seconds a client assertion may lie ahead of now: long enough for skew, short enough to remember. */
const ASSERTION_LIFE = 300;

/**
 * OAuth: the authorization server library, with what it leaves to us. It authenticates clients, publishes
 * metadata and keys; tokens are decided, recorded and signed in broker/ (docs/adr/0004).
 */
export const createProvider = (dependencies: ProviderDependencies): Provider => {
  const { issuer, artifacts, configuration, jwks, now } = dependencies;
  const provider = new Provider(issuer, {
    adapter: createAdapter({ artifacts, client: createClients(configuration, now), now }),
    jwks,
    cookies: { keys: dependencies.cookieKeys as Buffer[] },
    responseTypes: ['code'],
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'],
    pkce: { required: () => true },
    clockTolerance: 10,
    features: {
      devInteractions: { enabled: false },
      userinfo: { enabled: false },
      rpInitiatedLogout: { enabled: false },
      pushedAuthorizationRequests: { enabled: false },
      // Proofs are ours to validate, at every endpoint alike (identity/dpop).
      dPoP: { enabled: false },
      resourceIndicators: { enabled: true, defaultResource: () => 'urn:daypass:named-by-details' },
    },
    // What leaves is decided by our own origin check; this one is asked as well (contract, CORS).
    clientBasedCORS: (_ctx, origin, client) =>
      configuration.get().index.app(client.clientId)?.origins.includes(origin) ?? false,
    assertJwtClientAuthClaimsAndHeader: async (_ctx, claims) => mustBeForUs(claims, issuer, now()),
  });

  provider.proxy = true;
  provider.use(refusals(provider));
  provider.Client.prototype.compareClientSecret = function compare(actual: string) {
    return isSecretOf(configuration.get().index.app(this.clientId), actual);
  };
  // One atomic insert in place of look-then-write: security.md F1.
  provider.ReplayDetection.unique = (iss: string, jti: string, exp: number) =>
    artifacts.putOnce({
      model: 'ReplayDetection',
      idHash: hashOf(`${iss}\0${jti}`),
      payload: {},
      grantId: undefined,
      uid: undefined,
      userCode: undefined,
      expiresAt: new Date((exp + ASSERTION_LIFE) * 1000),
    });
  registerGrants(provider, dependencies);
  return provider;
};

/** An assertion is for this issuer alone, and for minutes (security.md J08). */
const mustBeForUs = (claims: Record<string, unknown>, issuer: string, now: Date): void => {
  const seconds = now.getTime() / 1000;
  const { aud, exp, iat, sub, iss } = claims;
  const isForUs = aud === issuer || (Array.isArray(aud) && aud.length === 1 && aud[0] === issuer);
  if (!isForUs) throw new errors.InvalidClientAuth('aud must be the issuer, alone');
  if (sub !== iss) throw new errors.InvalidClientAuth('iss and sub must both be the client');
  if (typeof exp !== 'number' || exp > seconds + ASSERTION_LIFE) {
    throw new errors.InvalidClientAuth('exp is too far ahead');
  }
  if (iat !== undefined && (typeof iat !== 'number' || iat > seconds + 10)) {
    throw new errors.InvalidClientAuth('iat is in the future');
  }
};
