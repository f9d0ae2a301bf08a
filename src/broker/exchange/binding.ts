import type { App } from '../../config/deployment.ts';
import type { Binding } from '../../ledger/records.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import type { Exchange } from './exchange.ts';

type Bound = Pick<Exchange, 'app' | 'authority' | 'jkt' | 'context'>;

/**
 * What a new token is bound to: the certificate its subject token is bound to, else the key that was proven, else the
 * certificate on the connection, where the app has its tokens bound to that (RFC 8705 §3).
 *
 * A certificate stays: whoever holds a token that is bound to one proves it each time, and what comes of the token is
 * bound to the same. Leans closed: no key of the holder's choice ever takes its place.
 */
export const bindingOf = ({ app, authority, jkt, context }: Bound): Binding | undefined => {
  const held = authority.held?.binding;
  if (held?.method === 'mtls') return held;
  if (jkt !== undefined) return { method: 'dpop', jkt };
  if (!bindsToCertificate(app) || !context.certificate) return undefined;
  return { method: 'mtls', 'x5t#S256': context.certificate.thumbprint };
};

/** Whether tokens of an app are bound to its certificate where it proves no key by DPoP. */
export const bindsToCertificate = ({ certificate_bound, tls_client_auth }: App): boolean =>
  certificate_bound === true || tls_client_auth !== undefined;

/** Who would send a proof beside such a token may think that what comes of it is bound to that key; it would not be. */
export const boundToCertificate = (): OAuthError =>
  new OAuthError('invalid_request', 'the subject token is bound to a certificate', {
    violations: [
      {
        field: 'DPoP',
        rule: 'bound_to_certificate',
        message: 'what comes of a token that is bound to a certificate is bound to the same one',
        remedy: 'leave the DPoP header out, or exchange the ID token with a proof instead',
      },
    ],
  });
