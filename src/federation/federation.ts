import type { SignIn } from '../protocol/principal.ts';

/**
 * Federation: who is at the browser, says the company?
 *
 * A relying party of every issuer that has `sign_in` (OpenID Connect Core §3.1, OAuth 2.0 Security BCP). It
 * knows neither apps nor tokens of ours, and keeps nothing that an IdP issued.
 */
export interface Federation {
  /**
   * Begins a sign-in: send the browser to `url` (303), with `pending` as a cookie that only the callback sees
   * (`HttpOnly`, `SameSite=Lax`, `Path` {@link CALLBACK_PATH}, 600 s).
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
