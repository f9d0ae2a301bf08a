import {
  authorizationCodeGrant,
  buildAuthorizationUrl,
  buildEndSessionUrl,
  calculatePKCECodeChallenge,
} from 'openid-client';
import type { Fetch } from '../egress/fetch.ts';
import type { Artifacts } from '../ledger/artifacts.ts';
import { unproven } from '../protocol/oauth-error.ts';
import type { SignIn } from '../protocol/principal.ts';
import { calledIn } from './called.ts';
import { createIdentityProviders, type FederatedIssuer } from './identity-providers.ts';
import { createPendingSignIns } from './pending-sign-ins.ts';
import { asRefusal, mixedUp, noSuchIssuer, notBegunHere, tooLongAgo } from './refusals.ts';

export type { FederatedIssuer } from './identity-providers.ts';

/**
 * Federation: who is at the browser, says the company?
 *
 * A relying party of every issuer that has `sign_in` (OpenID Connect Core §3.1, OAuth 2.0 Security BCP). It
 * knows neither apps nor tokens of ours, and keeps nothing that an IdP issued.
 */
export interface Federation {
  /**
   * Begins a sign-in: send the browser to `url` (303), with `pending` as a cookie
   * (`HttpOnly`, `SameSite=Lax`, 600 s).
   *
   * @throws {OAuthError} `invalid_request` for an issuer that is unknown, disabled or has no `sign_in`;
   *   `temporarily_unavailable` when its metadata cannot be had or is not its own.
   */
  begin(request: SignInRequest): Promise<BegunSignIn>;
  /**
   * Ends it, once: whatever the answer, the same response cannot be presented again.
   *
   * @throws {OAuthError} `invalid_request` for a response that belongs to no sign-in this browser has begun
   *   within ten minutes, or that another issuer gave; `access_denied` when the IdP or the person said no (rule
   *   `login_required` where `prompt=none` met nobody); `invalid_token` for an ID token that is not believed;
   *   `temporarily_unavailable` when the IdP does not answer. Each says what to do in `violations`.
   */
  finish(response: SignInResponse): Promise<FinishedSignIn>;
  /**
   * RP-initiated logout: where to send the browser so that the company's session ends too. Undefined where
   * the IdP offers none or cannot be asked: signing out here never waits for it.
   */
  endSession(request: EndSessionRequest): Promise<string | undefined>;
}

export interface SignInRequest {
  readonly issuerId: string;
  /** Ours, opaque to this room: given back by `finish`. Never sent to the IdP. */
  readonly returnTo: string;
  /** Seconds: the person authenticates anew where they last did so longer ago. */
  readonly maxAge?: number | undefined;
  readonly acrValues?: readonly string[] | undefined;
  readonly prompt?: 'none' | 'login' | 'consent' | 'select_account' | undefined;
  readonly loginHint?: string | undefined;
  /** The cookie this browser has already, so that sign-ins in several tabs do not end one another. */
  readonly pending?: string | undefined;
}

export interface BegunSignIn {
  readonly url: string;
  /** The cookie's value: what ties the sign-in to this browser. */
  readonly pending: string;
}

export interface SignInResponse {
  /** The cookie's value; undefined where the browser sent none. */
  readonly pending: string | undefined;
  /** The whole URL the browser was sent back to, on our issuer's origin. */
  readonly callbackUrl: string;
}

export interface FinishedSignIn {
  readonly signIn: SignIn;
  readonly returnTo: string;
  /** The authentication context class the IdP asserts, where it does. */
  readonly acr: string | undefined;
  /** What they are called there, for themselves to read; it identifies nobody. */
  readonly called: string | undefined;
}

export interface EndSessionRequest {
  readonly issuerId: string;
  /** An absolute URL registered at the IdP, to which it sends the browser back. */
  readonly returnTo: string;
}

/**
 * Where IdPs send the browser back to, under our issuer: `{CALLBACK_PATH}/{issuerId}`. One redirect URI for each
 * issuer, so that a response tells whose it is even where the IdP does not send `iss` (RFC 9700 §4.4.2.2).
 */
export const CALLBACK_PATH = '/sign-in/callback';

/** The redirect URI to register at an IdP. */
export const callbackUrlOf = (issuer: string, issuerId: string): string =>
  `${issuer}${CALLBACK_PATH}/${encodeURIComponent(issuerId)}`;

export interface FederationDependencies {
  /** Our own URL. */
  readonly issuer: string;
  /** Those that people may sign in through at this moment, proven fresh; never a disabled one. */
  readonly issuers: () => Promise<readonly FederatedIssuer[]>;
  /** The one place where ID tokens are believed (identity/verifier). */
  readonly verify: (idToken: string, now: Date) => Promise<SignIn>;
  readonly artifacts: Artifacts;
  readonly fetch: Fetch;
  readonly now: () => Date;
}

/** `email` is for people to recognise themselves by: identity is issuer and subject. */
const SCOPE = 'openid profile email';

/** Seconds by which an IdP's clock and ours may differ. */
const TOLERANCE = 10;

export const createFederation = (dependencies: FederationDependencies): Federation => {
  const { issuer: self, verify, now } = dependencies;
  const pendingSignIns = createPendingSignIns(dependencies);
  const providerOf = createIdentityProviders(dependencies);

  const find = async (issuerId: string): Promise<FederatedIssuer> => {
    const found = (await dependencies.issuers()).find(({ id }) => id === issuerId);
    if (!found) throw noSuchIssuer();
    return found;
  };

  return {
    async begin({ issuerId, returnTo, pending: cookie, ...asked }) {
      const issuer = await find(issuerId);
      const provider = await providerOf(issuer);
      const { maxAge, acrValues, prompt, loginHint } = asked;
      const kept = await pendingSignIns.keep({ issuerId, returnTo, maxAge }, cookie);
      const { state, nonce, codeVerifier } = kept.secrets;
      const url = buildAuthorizationUrl(provider, {
        redirect_uri: callbackUrlOf(self, issuerId),
        response_type: 'code',
        scope: SCOPE,
        state,
        nonce,
        code_challenge: await calculatePKCECodeChallenge(codeVerifier),
        code_challenge_method: 'S256',
        ...(maxAge !== undefined && { max_age: String(maxAge) }),
        ...(acrValues && acrValues.length > 0 && { acr_values: acrValues.join(' ') }),
        ...(prompt !== undefined && { prompt }),
        ...(loginHint !== undefined && { login_hint: loginHint }),
      });
      return { url: url.href, pending: kept.cookie };
    },

    async finish({ pending: cookie, callbackUrl }) {
      const response = readResponse(callbackUrl);
      const { issuerId, returnTo, maxAge, secrets } = await pendingSignIns.take(
        response.state,
        cookie,
      );
      // Disabled while the person was away at it: refused all the same.
      const issuer = await find(issuerId);
      const callback = new URL(callbackUrlOf(self, issuerId));
      mustBeFrom(issuer, callback, response);
      callback.search = response.search;

      try {
        const tokens = await authorizationCodeGrant(await providerOf(issuer), callback, {
          expectedState: secrets.state,
          expectedNonce: secrets.nonce,
          pkceCodeVerifier: secrets.codeVerifier,
          idTokenExpected: true,
        });
        // The library has held nonce, `iss` and `aud` against this sign-in; who signed it is asked here.
        const signIn = await verify(tokens.id_token ?? '', now());
        mustBeOurs(signIn, issuer);
        mustBeRecent(signIn, maxAge, now());
        const claims: Readonly<Record<string, unknown>> = tokens.claims() ?? {};
        const acr = typeof claims.acr === 'string' ? claims.acr : undefined;
        return { signIn, returnTo, acr, called: calledIn(claims) };
      } catch (error) {
        throw asRefusal(error);
      }
    },

    async endSession({ issuerId, returnTo }) {
      try {
        const provider = await providerOf(await find(issuerId));
        if (provider.serverMetadata().end_session_endpoint === undefined) return undefined;
        // Without `id_token_hint`: no token of theirs is kept here. `client_id` says who asks.
        return buildEndSessionUrl(provider, { post_logout_redirect_uri: returnTo }).href;
      } catch {
        return undefined;
      }
    },
  };
};

interface Response {
  readonly path: string;
  readonly search: string;
  readonly state: string;
  readonly issuer: string | undefined;
}

/** @throws {OAuthError} `invalid_request` for what has no `state`, or says one thing twice (RFC 6749 §3.1). */
const readResponse = (callbackUrl: string): Response => {
  const { pathname, search, searchParams } = new URL(callbackUrl);
  const once = (name: string): string | undefined => {
    const [value, ...others] = searchParams.getAll(name);
    if (others.length > 0) throw notBegunHere(`${name} is given twice`);
    return value;
  };
  const state = once('state');
  // Also what an IdP sends of its own accord: nobody here asked for it.
  if (state === undefined || state === '') throw notBegunHere('no state');
  return { path: pathname, search, state, issuer: once('iss') };
};

/**
 * RFC 9700 §4.4.2: the answer is that of the issuer the sign-in began with, by `iss` where it says so (RFC 9207)
 * and by the redirect URI always. Before any code is sent anywhere; the library then insists on `iss` where
 * the issuer's metadata promises it.
 */
const mustBeFrom = ({ issuer }: FederatedIssuer, callback: URL, response: Response): void => {
  if (response.path !== callback.pathname) throw mixedUp('redirect URI of another issuer');
  if (response.issuer !== undefined && response.issuer !== issuer) {
    throw mixedUp('iss of another issuer');
  }
};

/** An ID token that this issuer gave to another client of the company's is not one of this sign-in. */
const mustBeOurs = (signIn: SignIn, { id, issuer, clientId }: FederatedIssuer): void => {
  if (signIn.issuerId !== id || signIn.issuer !== issuer) throw unproven('issuer of another flow');
  if (signIn.party !== clientId) throw unproven('party is not our client');
};

const mustBeRecent = (signIn: SignIn, maxAge: number | undefined, now: Date): void => {
  if (maxAge === undefined) return;
  const { authenticatedAt } = signIn;
  // OpenID Connect Core §3.1.2.1: `auth_time` must be there once `max_age` was asked for.
  const age = authenticatedAt === undefined ? undefined : now.getTime() / 1000 - authenticatedAt;
  if (age === undefined || age > maxAge + TOLERANCE) throw tooLongAgo();
};
