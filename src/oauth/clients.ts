import { randomBytes } from 'node:crypto';
import type { AdapterPayload } from 'oidc-provider';
import { isFapi2 } from '../broker/app-profile.ts';
import type { CurrentConfiguration } from '../broker/configuration.ts';
import { ADMIN_CLIENT, adminClientFor } from '../broker/exchange/admin-client.ts';
import { isPublicType } from '../config/app-type.ts';
import type { App } from '../config/deployment.ts';
import { hasExpired } from '../config/expiry.ts';
import { TOKEN_EXCHANGE } from '../protocol/token-type.ts';
import { STORAGE_DETAIL_TYPE } from '../scope/authorization-details.ts';
import { certificateOf } from './certificates.ts';

/**
 * What the library compares secrets with if our own comparison were ever not called: nobody knows it.
 * Leans closed.
 */
const NOBODYS_SECRET = randomBytes(32).toString('base64url');

/** An app as an OAuth client (RFC 7591 §2). Undefined for apps that are disabled or have expired. */
export const createClients =
  (configuration: CurrentConfiguration, now: () => Date) =>
  (clientId: string): AdapterPayload | undefined => {
    const app = appForClient(configuration, clientId);
    if (!app?.enabled || hasExpired(app, now())) return undefined;
    const isPublic = isPublicType(app.type);
    const signsIn = app.redirect_uris.length > 0;
    return {
      client_id: app.id,
      application_type: app.type === 'native' ? 'native' : 'web',
      redirect_uris: [...app.redirect_uris],
      post_logout_redirect_uris: [...app.post_logout_redirect_uris],
      response_types: signsIn ? ['code'] : [],
      grant_types: grantTypesOf(app, isPublic, signsIn),
      authorization_details_types: [STORAGE_DETAIL_TYPE],
      require_pushed_authorization_requests: isFapi2(app), // FAPI 2.0 §5.3.2.2-3
      ...authenticationOf(app, isPublic),
    };
  };

/** The app behind a client; the built-in one belongs to the tenant of whoever signs in, and to none before. */
export const appForClient = (
  configuration: CurrentConfiguration,
  clientId: string,
  tenant = '',
): App | undefined =>
  clientId === ADMIN_CLIENT ? adminClientFor(tenant) : configuration.get().index.app(clientId);

const grantTypesOf = (app: App, isPublic: boolean, signsIn: boolean): string[] => [
  ...(app.id === ADMIN_CLIENT ? [] : [TOKEN_EXCHANGE]),
  ...(isPublic ? [] : ['client_credentials']),
  ...(signsIn ? ['authorization_code'] : []),
  // Its tokens from before are looked at too: an app that lost the right to them is told so there.
  ...(signsIn && app.type !== 'browser' ? ['refresh_token'] : []),
];

const authenticationOf = (app: App, isPublic: boolean): AdapterPayload => {
  if (isPublic) return { token_endpoint_auth_method: 'none' };
  if (app.jwks && app.jwks.keys.length > 0) {
    return { token_endpoint_auth_method: 'private_key_jwt', jwks: app.jwks as never };
  }
  if (app.tls_client_auth) return certificateOf(app.tls_client_auth);
  // Also an app without credentials: no secret has its hash, so it cannot authenticate.
  return { token_endpoint_auth_method: 'client_secret_basic', client_secret: NOBODYS_SECRET };
};
