import { randomBytes } from 'node:crypto';
import type { AdapterPayload } from 'oidc-provider';
import type { CurrentConfiguration } from '../broker/configuration.ts';
import type { App } from '../config/deployment.ts';
import { TOKEN_EXCHANGE } from '../protocol/token-type.ts';

/**
 * What the library compares secrets with if our own comparison were ever not called: nobody knows it.
 * Leans closed.
 */
const NOBODYS_SECRET = randomBytes(32).toString('base64url');

/** An app as an OAuth client (RFC 7591 §2). Undefined for apps that are disabled or have expired. */
export const createClients =
  (configuration: CurrentConfiguration, now: () => Date) =>
  (clientId: string): AdapterPayload | undefined => {
    const app = configuration.get().index.app(clientId);
    if (!app?.enabled || Date.parse(app.expires) <= now().getTime()) return undefined;
    const isPublic = app.type === 'browser' || app.type === 'native';
    return {
      client_id: app.id,
      application_type: app.type === 'native' ? 'native' : 'web',
      redirect_uris: [],
      response_types: [],
      grant_types: isPublic ? [TOKEN_EXCHANGE] : ['client_credentials', TOKEN_EXCHANGE],
      ...authenticationOf(app, isPublic),
    };
  };

const authenticationOf = (app: App, isPublic: boolean): AdapterPayload => {
  if (isPublic) return { token_endpoint_auth_method: 'none' };
  if (app.jwks && app.jwks.keys.length > 0) {
    return { token_endpoint_auth_method: 'private_key_jwt', jwks: app.jwks as never };
  }
  // Also an app without credentials: no secret has its hash, so it cannot authenticate.
  return { token_endpoint_auth_method: 'client_secret_basic', client_secret: NOBODYS_SECRET };
};
