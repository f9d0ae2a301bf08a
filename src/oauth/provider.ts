import { type IncomingMessage, ServerResponse } from 'node:http';
import { errors, type JWKS, type KoaContextWithOIDC, Provider } from 'oidc-provider';
import { type Audited, recordRefusal } from '../broker/audited.ts';
import { isSecretOf } from '../broker/client-secret.ts';
import type { Interactions } from '../broker/sign-in/interaction.ts';
import type { Artifacts } from '../ledger/artifacts.ts';
import { createAdapter, hashOf } from './adapter.ts';
import { afterSignOut } from './after-sign-out.ts';
import { type AnswerOAuth, createAnswer, type OnRefusal } from './answer.ts';
import { paramsOf } from './authorization-request.ts';
import { certificateAuthentication } from './certificates.ts';
import { ASSERTION_LIFE, mustBeForUs, TOLERANCE } from './client-assertion.ts';
import { createClients } from './clients.ts';
import { createFollowerAuthentication } from './follower.ts';
import { registerGrants } from './grants.ts';
import { createInteractions } from './interactions.ts';
import { CLIENT_AUTH_ALGORITHMS, CLIENT_AUTH_METHODS } from './metadata.ts';
import {
  type SignInConfigurationDependencies,
  signInConfiguration,
  signInFeatures,
} from './sign-in-configuration.ts';
import { registerSignInGrants, type SignInGrantDependencies } from './sign-in-grants.ts';
import { NAMED_BY_DETAILS } from './token-request.ts';
import { createTokenStatus, type TokenStatusDependencies } from './token-status.ts';

export interface ProviderDependencies
  extends SignInGrantDependencies,
    SignInConfigurationDependencies,
    TokenStatusDependencies {
  readonly issuer: string;
  readonly artifacts: Artifacts;
  readonly jwks: JWKS;
  readonly cookieKeys: readonly Buffer[];
  readonly audit: Audited['audit'];
  readonly now: () => Date;
}

export interface AuthorizationServer {
  readonly answer: AnswerOAuth;
  readonly interactions: Interactions;
  /**
   * The id of the client that makes a request which is answered elsewhere. A form in it is read.
   *
   * @throws {OAuthError} `invalid_client`, alike for whatever is wrong with it.
   */
  readonly authenticate: (request: IncomingMessage) => Promise<string>;
}

/**
 * OAuth: the authorization server library, with what it leaves to us. It authenticates clients; tokens are
 * decided, recorded and signed in broker/ (docs/adr/0004).
 */
export const createProvider = (dependencies: ProviderDependencies): AuthorizationServer => {
  const { issuer, artifacts, configuration, jwks, now } = dependencies;
  const people = signInConfiguration(dependencies);
  const features = signInFeatures(dependencies);
  const provider = new Provider(issuer, {
    adapter: createAdapter({ artifacts, client: createClients(configuration, now), now }),
    jwks,
    ...people,
    cookies: { ...people.cookies, keys: dependencies.cookieKeys as Buffer[] },
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    clientAuthMethods: [...CLIENT_AUTH_METHODS],
    enabledJWA: {
      clientAuthSigningAlgValues: [...CLIENT_AUTH_ALGORITHMS],
      requestObjectSigningAlgValues: [...CLIENT_AUTH_ALGORITHMS],
    },
    // Which pages may call is decided before the library is asked (http/cors).
    clientBasedCORS: () => true,
    clockTolerance: TOLERANCE,
    // A caller that prefers HTML is a program all the same: refusals are JSON.
    renderError: (ctx, out) => {
      ctx.body = out;
    },
    features: {
      devInteractions: { enabled: false },
      // Its own tokens alone would do there: ours are asked for what they say by http/.
      userinfo: { enabled: false },
      // Proofs are ours to validate, at every endpoint alike (identity/dpop).
      dPoP: { enabled: false },
      mTLS: certificateAuthentication(dependencies.contextOf),
      ...features,
      resourceIndicators: {
        ...features.resourceIndicators,
        defaultResource: () => NAMED_BY_DETAILS,
      },
    },
    assertJwtClientAuthClaimsAndHeader: async (_ctx, claims, header, { clientId }) => {
      const app = configuration.get().index.app(clientId);
      mustBeForUs(claims, { issuer, app, header, now: now() });
    },
  });

  provider.proxy = true; // its forwarded headers are the ones http/ has pinned to the issuer
  provider.Client.prototype.compareClientSecret = function compare(actual: string) {
    return isSecretOf(configuration.get().index.app(this.clientId), actual, now());
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
  provider.IdToken.validate = async (token: string, client: { clientId: string }) => {
    const read = dependencies.readIdToken(token);
    if (read?.aud === client.clientId) return { header: {}, payload: { ...read } };
    throw new errors.InvalidRequest('id_token_hint is not an ID token for this client');
  };
  registerGrants(provider, dependencies);
  registerSignInGrants(provider, dependencies);
  endWithSession(provider, dependencies);
  refuseFormPost(provider);
  const inPlace = [
    createTokenStatus(provider, dependencies),
    createFollowerAuthentication(provider),
    nobodyToSignOut(dependencies),
  ];
  const answer = createAnswer(provider, { issuer, inPlace, onRefusal: recordFor(dependencies) });
  return {
    answer,
    authenticate: async (request) => {
      // What the library would say to it is said to nobody.
      const { body } = await answer(request, new ServerResponse(request));
      return String(body);
    },
    interactions: createInteractions(provider, dependencies),
  };
};

/**
 * Signing out ends what came of the sign-in, and not the cookie alone. That first: where it fails the session is still
 * there to be signed out of.
 */
const endWithSession = (provider: Provider, { signOut }: ProviderDependencies): void => {
  const { destroy } = provider.Session.prototype;
  provider.Session.prototype.destroy = async function endAll() {
    if (this.accountId !== undefined) await signOut(this.accountId);
    await destroy.call(this);
  };
};

/** Before anybody signs in for nothing: a form that sends itself takes a script, and no page of ours has one. */
const refuseFormPost = (provider: Provider): void => {
  provider.Client.prototype.responseModeAllowed = (mode: string | undefined) =>
    mode === undefined || mode === 'query' || mode === 'fragment';
};

/** Whom nobody knows here is signed out already; the library would say so by a form that sends itself. */
const nobodyToSignOut =
  ({ pages }: ProviderDependencies): Parameters<Provider['use']>[0] =>
  async (ctx, next) => {
    await next();
    if (ctx.path !== '/session/end' || ctx.status !== 200) return;
    if (ctx.oidc.session?.accountId !== undefined) return;
    ctx.body = pages.loggedOut();
    const to = afterSignOut(paramsOf(ctx as KoaContextWithOIDC));
    if (to === undefined) return;
    ctx.status = 303;
    ctx.redirect(to);
  };

/** What a client was refused, for the record, where that was not a token. */
const ACTIONS: ReadonlyMap<string, string> = new Map([
  ['/introspect', 'token.introspect'],
  ['/revoke', 'token.revoke'],
  ['/par', 'authorization.push'],
]);

/** A client that has authenticated is someone: whatever it is refused is on record. */
const recordFor =
  ({ audit, now, configuration, contextOf }: ProviderDependencies): OnRefusal =>
  (request, appId, refusal, path) => {
    const { requestId, ip, traceId } = contextOf(request);
    const tenantId = configuration.get().index.app(appId)?.tenant;
    const action = ACTIONS.get(path) ?? 'token.issue';
    const event = { action, tenantId, appId, ip, traceId, requestId };
    return recordRefusal({ audit, now }, refusal, event);
  };
