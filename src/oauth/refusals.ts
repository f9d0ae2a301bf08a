import { errors, type KoaContextWithOIDC, type Provider } from 'oidc-provider';
import { OAuthError, type OAuthErrorCode, type Violation } from '../protocol/oauth-error.ts';

/** Where the pipeline's request id travels into the library's own Koa. */
const REQUEST_ID = 'x-request-id';

/**
 * Gives what the library refuses the shape every refusal of ours has, and what broker/ refuses the codes
 * that RFC 8693 §2.2.2 has for the token endpoint.
 */
export const refusals = (provider: Provider) => {
  const thrown = new WeakMap<object, OAuthError>();
  // The library turns an error of the ledger into a bare 500 before anyone else sees it.
  for (const event of ['server_error', 'grant.error'] as const) {
    provider.on(event as 'server_error', (ctx, error) => {
      const refusal = error instanceof OAuthError ? error : error.cause;
      if (refusal instanceof OAuthError) thrown.set(ctx.req, refusal);
    });
  }

  return async (ctx: KoaContextWithOIDC, next: () => Promise<void>): Promise<void> => {
    await next();
    const refusal = thrown.get(ctx.req);
    const body = ctx.body as { error?: string; error_description?: string } | undefined;
    if (ctx.status < 400 || typeof body !== 'object' || body === null) return;
    if (refusal) answer(ctx, refusal);
    else answer(ctx, fromLibrary(body, ctx.status));
  };
};

const answer = (ctx: KoaContextWithOIDC, refusal: OAuthError): void => {
  const code = AT_TOKEN_ENDPOINT[refusal.code] ?? refusal.code;
  const isBlocked = refusal.violations.some(({ rule }) => rule === 'blocked');
  const error = isBlocked ? 'invalid_request' : code;
  ctx.status = code === refusal.code ? refusal.status : 400;
  ctx.set(refusal.headers);
  ctx.body = {
    error,
    error_description: refusal.message,
    violations: refusal.violations,
    request_id: String(ctx.res.getHeader(REQUEST_ID) ?? ''),
  };
};

/** RFC 8693 §2.2.2: a token that is not acceptable and a target policy refuses have codes of their own. */
const AT_TOKEN_ENDPOINT: Partial<Record<OAuthErrorCode, OAuthErrorCode>> = {
  invalid_token: 'invalid_request',
  access_denied: 'invalid_target',
};

const NOT_THIS_GRANT = 'requested grant type is not allowed for this client';

const fromLibrary = (
  {
    error = 'invalid_request',
    error_description: description = '',
  }: { error?: string; error_description?: string },
  status: number,
): OAuthError => {
  // RFC 6749 §5.2 has a code for it; the library says invalid_request.
  const code = description === NOT_THIS_GRANT ? 'unauthorized_client' : error;
  return new OAuthError(code as OAuthErrorCode, description || error, {
    status,
    violations: [violationOf(code, description)],
  });
};

const violationOf = (code: string, description: string): Violation => ({
  field: FIELDS[code] ?? 'request',
  rule: code,
  message: description || code,
  remedy: REMEDIES[code] ?? 'see /docs for what this endpoint takes',
});

const FIELDS: Readonly<Record<string, string>> = {
  invalid_client: 'client_id',
  unauthorized_client: 'grant_type',
  unsupported_grant_type: 'grant_type',
  invalid_scope: 'scope',
  invalid_target: 'resource',
};

const REMEDIES: Readonly<Record<string, string>> = {
  invalid_client:
    'check the client id and its credentials, and that the app is registered and has not expired',
  unauthorized_client:
    'use a grant this app may use: a public app exchanges tokens, and has none of its own',
  unsupported_grant_type: 'use client_credentials or token-exchange',
};

/** The library renders only its own errors as refusals; ours pass through it inside one. */
export const throughLibrary = (error: unknown): never => {
  if (!(error instanceof OAuthError)) throw error;
  const carrier = new errors.CustomOIDCProviderError(error.code, error.message);
  Object.assign(carrier, { cause: error, status: error.status, statusCode: error.status });
  throw carrier;
};
