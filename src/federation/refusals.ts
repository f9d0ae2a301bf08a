import {
  AuthorizationResponseError,
  ClientError,
  ResponseBodyError,
  WWWAuthenticateChallengeError,
} from 'openid-client';
import { OAuthError, unproven } from '../protocol/oauth-error.ts';

const SIGN_IN_AGAIN = 'go back to the application and sign in again';

const refusal = (
  code: 'invalid_request' | 'access_denied',
  rule: string,
  message: string,
  remedy: string,
  detail?: string,
): OAuthError =>
  new OAuthError(code, message, {
    ...(detail !== undefined && { detail }),
    violations: [{ field: 'sign_in', rule, message, remedy }],
  });

/** An IdP nobody may sign in through: unknown, disabled and without `sign_in` read alike. */
export const noSuchIssuer = (): OAuthError =>
  refusal(
    'invalid_request',
    'issuer',
    'nobody can sign in through this identity provider',
    'choose another one, or ask whoever runs Daypass to enable it with `sign_in`',
  );

/** A response nobody asked for: also what an IdP begins of its own accord, and what was answered before. */
export const notBegunHere = (detail: string): OAuthError =>
  refusal(
    'invalid_request',
    'not_begun_here',
    'this answer belongs to no sign-in that this browser began within the last ten minutes',
    `${SIGN_IN_AGAIN}, with cookies allowed, in one browser from beginning to end`,
    detail,
  );

/** RFC 9700 §4.4: an answer of another issuer than the one that was asked. No code is sent anywhere. */
export const mixedUp = (detail: string): OAuthError =>
  refusal(
    'invalid_request',
    'issuer_mix_up',
    'another identity provider answered than the one that was asked',
    `${SIGN_IN_AGAIN}; tell your security team if it happens again`,
    detail,
  );

export const tooLongAgo = (): OAuthError =>
  refusal(
    'access_denied',
    'max_age',
    'the identity provider did not ask for the password again, though this needs it',
    'sign out there and sign in again, or ask whoever runs it to honour `max_age`',
  );

/** The IdP is down, or answers what means nothing. */
export const cannotBeAsked = (detail: string, cause?: unknown): OAuthError =>
  new OAuthError(
    'temporarily_unavailable',
    'your company’s sign-in does not answer; nobody was signed in',
    {
      detail: `identity provider: ${detail}`,
      cause,
      retryAfter: 5,
      violations: [
        {
          field: 'sign_in',
          rule: 'identity_provider_down',
          message: 'the identity provider cannot be reached, or its answers cannot be used',
          remedy: 'try again in a minute; if it goes on, tell whoever runs your company’s sign-in',
        },
      ],
    },
  );

/** OpenID Connect Core §3.1.2.6: what `prompt=none` is answered where someone would have to do something. */
const NEEDS_SOMEONE: ReadonlySet<string> = new Set([
  'login_required',
  'interaction_required',
  'consent_required',
  'account_selection_required',
]);

const ITS_OWN_TROUBLE: ReadonlySet<string> = new Set(['server_error', 'temporarily_unavailable']);

/** A code is a word; whatever else an IdP says about an error was perhaps written by someone else. */
const wordOf = (code: string): string => (/^[a-z_]{1,64}$/.test(code) ? code : 'an unknown error');

const declined = (code: string): OAuthError => {
  if (ITS_OWN_TROUBLE.has(code)) return cannotBeAsked(`answered ${code}`);
  if (NEEDS_SOMEONE.has(code)) {
    return refusal(
      'access_denied',
      'login_required',
      'nobody is signed in at the identity provider without being asked',
      'sign in with a page the person can see: without prompt=none',
      code,
    );
  }
  return refusal(
    'access_denied',
    'declined',
    'the identity provider signed nobody in',
    `${SIGN_IN_AGAIN}; if it goes on, ask your company whether you may use this application`,
    `answered ${wordOf(code)}`,
  );
};

const ofTokenEndpoint = ({ error, status }: ResponseBodyError, cause: unknown): OAuthError => {
  // RFC 6749 §5.2: the code was used, has expired or was never ours. Anything else is ours to repair.
  if (error === 'invalid_grant') return notBegunHere('the code is not accepted');
  return cannotBeAsked(`token endpoint answered ${status} ${wordOf(error)}`, cause);
};

/** Of an answer that came: claims that are not what they must be, a response that is no response. */
const NOT_BELIEVED: ReadonlySet<string | undefined> = new Set([
  'OAUTH_JWT_CLAIM_COMPARISON_FAILED',
  'OAUTH_JWT_TIMESTAMP_CHECK_FAILED',
  'OAUTH_INVALID_RESPONSE',
]);

/** Whatever openid-client throws, as a refusal. Leans closed: what is not understood signs nobody in. */
export const asRefusal = (error: unknown): OAuthError => {
  if (error instanceof OAuthError) return error;
  if (error instanceof AuthorizationResponseError) return declined(error.error);
  if (error instanceof ResponseBodyError) return ofTokenEndpoint(error, error);
  // RFC 6749 §5.2: how a client is told that it is not believed. Nothing the person could help.
  if (error instanceof WWWAuthenticateChallengeError) {
    return cannotBeAsked(
      `answered ${error.status} invalid_client: is our secret the right one?`,
      error,
    );
  }
  if (error instanceof ClientError && NOT_BELIEVED.has(error.code)) {
    return unproven(`answer of the identity provider: ${error.code}`, error);
  }
  return cannotBeAsked('no answer that can be used', error);
};
