import type { PresentedCredential, RequestContext } from '../broker/context.ts';
import { OAuthError } from '../protocol/oauth-error.ts';

/** RFC 9110 §11.4: a scheme, one space, a token68. */
const CREDENTIAL = /^(bearer|dpop) ([A-Za-z0-9\-._~+/]+=*)$/i;

/**
 * The credential in `Authorization` (RFC 6750 §2.1, RFC 9449 §7.1). Never from a query or a form.
 *
 * @throws {OAuthError} `invalid_token` where there is none, without saying more (RFC 6750 §3.1).
 */
export const readCredential = (
  headers: NodeJS.Dict<string[]>,
  method: string,
  url: string,
  context: RequestContext,
): PresentedCredential => {
  const [authorization, ...others] = headers.authorization ?? [];
  const [, scheme, value] = CREDENTIAL.exec(authorization ?? '') ?? [];
  if (scheme === undefined || value === undefined || others.length > 0) throw noCredential();
  const proofs = headers.dpop;
  return {
    scheme: scheme.toLowerCase() === 'dpop' ? 'dpop' : 'bearer',
    value,
    proof: proofs && (proofs.length === 1 ? proofs[0] : proofs),
    method,
    url,
    context,
  };
};

const noCredential = (): OAuthError =>
  new OAuthError('invalid_token', 'this takes a credential in the Authorization header', {
    violations: [
      {
        field: 'Authorization',
        rule: 'required',
        message: 'there is no usable Authorization header',
        remedy:
          'send "Authorization: Bearer <token>", or "DPoP <token>" with a proof where it is bound',
      },
    ],
  });
