/** Every error Daypass puts on the wire, with the status it is sent at. */
export const STATUS = {
  invalid_request: 400, //        RFC 6749 §5.2; also every unacceptable subject or actor token, RFC 8693 §2.2.2
  invalid_token: 401, //          RFC 6750 §3.1: the credential in `Authorization`
  insufficient_user_authentication: 401, // RFC 9470 §3: signed in too long ago for this
  invalid_client: 401, //         RFC 6749 §5.2
  unauthorized_client: 400, //    RFC 6749 §5.2
  unsupported_grant_type: 400, // RFC 6749 §5.2
  invalid_grant: 400, //          RFC 6749 §5.2
  invalid_scope: 400, //          RFC 6749 §5.2
  invalid_target: 400, //         RFC 8707 §2, RFC 8693 §2.2.2
  invalid_authorization_details: 400, // RFC 9396 §5
  invalid_client_metadata: 400, // RFC 7591 §3.2.2
  invalid_redirect_uri: 400, //   RFC 7591 §3.2.2
  invalid_request_object: 400, // RFC 9101 §7
  invalid_dpop_proof: 400, //     RFC 9449 §5; 401 where the proof accompanies a `DPoP` credential
  use_dpop_nonce: 400, //         RFC 9449 §8; 401 where the proof accompanies a `DPoP` credential
  access_denied: 403, //          policy says no
  not_found: 404,
  method_not_allowed: 405,
  conflict: 409,
  gone: 410,
  precondition_failed: 412, //    RFC 9110 §15.5.13
  payload_too_large: 413,
  too_many_requests: 429,
  server_error: 500,
  temporarily_unavailable: 503, // RFC 6749 §4.1.2.1: a part we need is down, or the record cannot be written
} as const;

export type OAuthErrorCode = keyof typeof STATUS;

/** What is wrong, in the caller's terms: which field broke which rule, and what would help. */
export interface Violation {
  readonly field: string;
  readonly rule: string;
  readonly message: string;
  readonly remedy: string;
}

export interface OAuthErrorOptions {
  /** For log and audit only: may say which check failed and why. Never a token, proof or URL. */
  readonly detail?: string;
  readonly violations?: readonly Violation[];
  /** When the answer's status is not the code's own, such as 401 for a proof beside a credential. */
  readonly status?: number;
  /** Seconds to wait before trying again: becomes `Retry-After`. */
  readonly retryAfter?: number;
  /** Further response headers, such as `DPoP-Nonce` or `RateLimit`. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly cause?: unknown;
}

/**
 * A refusal the caller is told about.
 *
 * `message` is public: it becomes `error_description`. `violations` are public too. `detail` is ours.
 */
export class OAuthError extends Error {
  override readonly name = 'OAuthError';
  readonly code: OAuthErrorCode;
  readonly status: number;
  readonly detail: string | undefined;
  readonly violations: readonly Violation[];
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: OAuthErrorCode, message: string, options: OAuthErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.code = code;
    this.status = options.status ?? STATUS[code];
    this.detail = options.detail;
    this.violations = options.violations ?? [];
    this.headers = {
      ...(options.retryAfter === undefined ? {} : { 'Retry-After': String(options.retryAfter) }),
      ...options.headers,
    };
  }
}

/** A part Daypass needs is down: nothing was issued, and trying again may work. */
export const unavailable = (detail: string, cause?: unknown): OAuthError =>
  new OAuthError(
    'temporarily_unavailable',
    'a part Daypass needs is not available; nothing was issued',
    {
      detail,
      cause,
      retryAfter: 1,
    },
  );

/**
 * Failed authentication reads alike whatever was wrong (law 7): only `detail` tells the checks apart.
 */
export const unproven = (detail: string, cause?: unknown): OAuthError =>
  new OAuthError(
    'invalid_token',
    'the token is not acceptable: sign in again and present a fresh one',
    {
      detail,
      cause,
    },
  );
