import type { errors } from 'oidc-provider';
import { type OAuthErrorCode, STATUS, type Violation } from '../protocol/oauth-error.ts';

/** What the library means by an error: it has few codes, and says the rest in prose. */
interface Reading {
  /** Of the library's code, its `error_description`, or its cause. */
  readonly says: RegExp;
  /** Where RFC 6749 §5.2 has another code for it than the library. */
  readonly code?: OAuthErrorCode;
  readonly field: string;
  readonly rule: string;
  readonly remedy: string;
}

/** The first that fits is what it means. test/spec walks through all of them: an upgrade that rewords one fails there. */
const READINGS: readonly Reading[] = [
  {
    says: /request entity too large/,
    code: 'payload_too_large',
    field: 'body',
    rule: 'max_size',
    remedy: 'send at most 56 KiB',
  },
  {
    says: /content-type bodies are supported/,
    field: 'Content-Type',
    rule: 'form',
    remedy: 'send application/x-www-form-urlencoded (RFC 6749 §3.2), or JSON to /exchange',
  },
  {
    says: /failed to parse the request body/,
    field: 'body',
    rule: 'form',
    remedy: 'send one complete application/x-www-form-urlencoded body, in UTF-8',
  },
  {
    says: /not be provided twice/,
    field: 'request',
    rule: 'once',
    remedy: 'send each parameter once; only resource and audience may be repeated',
  },
  {
    says: /^invalid_request_object/,
    field: 'request',
    rule: 'request_object',
    remedy:
      'sign a fresh one for this issuer, with every parameter in it and typ oauth-authz-req+jwt (RFC 9101 §4)',
  },
  {
    // RFC 6749 §5.2: also "no client authentication included, or unsupported authentication method".
    says: /client authentication mechanism|authorization header|client_assertion|client_id mismatch/i,
    code: 'invalid_client',
    field: 'client_id',
    rule: 'client_authentication',
    remedy: '',
  },
  {
    says: /using one mechanism/,
    field: 'client_id',
    rule: 'one_mechanism',
    remedy: 'authenticate the client in one way (RFC 6749 §2.3)',
  },
  {
    says: /post_logout_redirect_uri not registered/,
    field: 'post_logout_redirect_uri',
    rule: 'registered',
    remedy: 'send one of post_logout_redirect_uris of the app, letter by letter, or none',
  },
  {
    says: /redirect_uri did not match/,
    field: 'redirect_uri',
    rule: 'registered',
    remedy:
      'send one of redirect_uris of the app, letter by letter, or ask the platform team to register this one',
  },
  {
    says: /missing required parameter/,
    field: 'request',
    rule: 'required',
    remedy: 'send it, once',
  },
  {
    says: /grant type is not allowed/,
    code: 'unauthorized_client',
    field: 'grant_type',
    rule: 'grant_of_app',
    remedy:
      'use a grant this app may use: without redirect_uris nobody signs in to it, a browser app has no refresh tokens, and a public app no token of its own',
  },
  {
    says: /unsupported grant_type/,
    field: 'grant_type',
    rule: 'unknown_grant',
    remedy: 'use one of grant_types_supported in the metadata',
  },
  {
    says: /parse the authorization_details parameter JSON/,
    field: 'authorization_details',
    rule: 'json',
    remedy: 'send a JSON array of objects (RFC 9396 §2)',
  },
  {
    says: /authorization.details/,
    field: 'authorization_details',
    rule: 'details',
    remedy: 'send objects of the type daypass_storage, each with locations and actions',
  },
  {
    says: /scope contains invalid characters/,
    field: 'scope',
    rule: 'scope_syntax',
    remedy: 'separate scopes by one space; percent-encode everything else',
  },
];

const OTHERWISE = {
  field: 'request',
  rule: 'malformed',
  remedy: 'see /docs for what is taken here',
};

/** A parameter it names, in quotes. */
const NAMED = /'([a-z_]+)'/;

export const readLibrary = (
  error: errors.OIDCProviderError,
): { readonly code: OAuthErrorCode; readonly violation: Violation } => {
  const said = [error.message, error.error_description, messageOf(error.cause)].join(' ');
  const { code, field, rule, remedy }: Omit<Reading, 'says'> =
    READINGS.find(({ says }) => says.test(said)) ?? OTHERWISE;
  const message = error.error_description ?? error.message;
  const named = field === 'request' ? NAMED.exec(message)?.[1] : undefined;
  return {
    code: code ?? knownCode(error.message),
    violation: { field: named ?? field, rule, message, remedy },
  };
};

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : '');

/** Leans to `invalid_request`: whatever it was, the request was not understood. */
const knownCode = (code: string): OAuthErrorCode =>
  Object.hasOwn(STATUS, code) ? (code as OAuthErrorCode) : 'invalid_request';
