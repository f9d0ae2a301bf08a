import type { Provider } from 'oidc-provider';
import { OAuthError } from '../protocol/oauth-error.ts';
import { createClientAuthentication } from './client-authentication.ts';
import { unauthenticated } from './token-status.ts';

/** The feed itself is http/'s and broker/'s: here the library says who comes. */
const FEED = '/revocations/feed';

/** What would be a credential in a URL (RFC 6749 §2.3.1), where logs keep it. */
const NEVER_IN_URL = ['client_secret', 'client_assertion'];

/**
 * Who wants to follow revocations? A client, authenticated as at `/introspect` by whichever way its app is
 * registered for: in the `Authorization` header, on the connection, or in the form of a POST.
 */
export const createFollowerAuthentication = (
  provider: Provider,
): Parameters<Provider['use']>[0] => {
  const authenticate = createClientAuthentication(provider).client;
  return async (ctx, next) => {
    if (ctx.path !== FEED) return next();
    if (NEVER_IN_URL.some((name) => name in ctx.query)) throw inUrl();
    const { client, isPublic } = await authenticate(ctx);
    if (isPublic) throw unauthenticated();
    ctx.body = client.clientId;
  };
};

const inUrl = (): OAuthError =>
  new OAuthError('invalid_request', 'a credential was sent in the URL', {
    violations: [
      {
        field: 'request',
        rule: 'not_in_url',
        message: 'secrets and assertions are never part of a URL: it is written down on its way',
        remedy: 'send them in the form of a POST; take this secret for known, and change it',
      },
    ],
  });
