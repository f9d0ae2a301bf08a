import { errors } from 'oidc-provider';
import {
  OAuthError,
  type OAuthErrorCode,
  STATUS,
  type Violation,
} from '../protocol/oauth-error.ts';
import { readLibrary } from './library-errors.ts';

export interface RefusalCircumstances {
  readonly issuer: string;
  /** Whether the client tried to authenticate by the `Authorization` header. */
  readonly hasAuthorization: boolean;
}

/**
 * What went wrong at the token endpoint, as its clients are told (RFC 6749 §5.2, RFC 8693 §2.2.2).
 *
 * @returns what was thrown, unchanged, where it is nobody's refusal.
 */
export const toRefusal = (error: unknown, circumstances: RefusalCircumstances): unknown => {
  if (error instanceof OAuthError) {
    return error.code === 'invalid_client'
      ? unauthenticated(error.detail, circumstances)
      : atTokenEndpoint(error);
  }
  if (!(error instanceof errors.OIDCProviderError) || !error.expose) return error;
  // Our own, which the library has carried for us.
  if (error.cause instanceof OAuthError) return error.cause;
  const { code, violation } = readLibrary(error);
  if (code === 'invalid_client') return unauthenticated(detailOf(error), circumstances);
  return new OAuthError(code, error.error_description ?? violation.message, {
    detail: detailOf(error),
    violations: [violation],
    cause: error,
    ...(STATUS[code] === 413 && { headers: { Connection: 'close' } }), // the rest of it is not read
  });
};

/** Which check failed. What does not parse is quoted by the parser, and may be a credential (law 4). */
const detailOf = ({ error_detail, error_description, message, cause }: errors.OIDCProviderError) =>
  (cause instanceof SyntaxError ? 'malformed' : error_detail) ?? error_description ?? message;

/** Whatever was wrong with it, a client that is not authenticated hears the same (law 7). */
const unauthenticated = (
  detail: string | undefined,
  { issuer, hasAuthorization }: RefusalCircumstances,
): OAuthError =>
  new OAuthError('invalid_client', 'client authentication failed', {
    ...(detail !== undefined && { detail }),
    violations: [
      {
        field: 'client_id',
        rule: 'client_authentication',
        message: 'the client is not known, or is not who it says it is',
        remedy:
          'check the client id, its credentials and how it sends them, and that it is in service',
      },
    ],
    // RFC 6749 §5.2: the scheme the client used. Never where it used none: a browser would ask its user
    // for a password.
    ...(hasAuthorization && { headers: { 'WWW-Authenticate': `Basic realm="${issuer}"` } }),
  });

/** RFC 8693 §2.2.2: a token that is not acceptable, and a target that policy refuses, have codes of their own. */
const atTokenEndpoint = (refusal: OAuthError): OAuthError => {
  switch (refusal.code) {
    case 'invalid_token':
      return again(refusal, 'invalid_request', [NOT_ACCEPTABLE]);
    case 'access_denied':
      return again(refusal, isOfRequest(refusal) ? 'invalid_request' : 'invalid_target');
    default:
      return refusal;
  }
};

/** Says nothing of which check failed: what was presented may be somebody else's. */
const NOT_ACCEPTABLE: Violation = {
  field: 'subject_token',
  rule: 'not_acceptable',
  message: 'it is not valid, not valid any more, or not for this client',
  remedy: 'sign in again and present a fresh one',
};

/** Fields that say who asks, and how; the others say what for. */
const OF_REQUEST = ['app_id', 'Origin', 'subject_token', 'actor_token', 'DPoP', 'lawful_basis'];

/** Would another target have been refused as well? */
const isOfRequest = ({ violations }: OAuthError): boolean =>
  violations.some(({ field }) => OF_REQUEST.includes(field));

const again = (
  { message, detail, headers, violations, cause }: OAuthError,
  code: OAuthErrorCode,
  others: readonly Violation[] = violations,
): OAuthError =>
  new OAuthError(code, message, {
    violations: others,
    headers,
    cause,
    ...(detail !== undefined && { detail }),
  });
