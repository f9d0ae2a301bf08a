import type { App } from '../../config/deployment.ts';
import { hasExpired } from '../../config/expiry.ts';
import type { RevocationEvent } from '../../ledger/revocation-feed.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import { isSecretOf } from '../client-secret.ts';
import type { CurrentConfiguration, InForce } from '../configuration.ts';

/** Someone who verifies tokens for a resource server, and may hear of revocations. */
export interface Verifier {
  readonly clientId: string;
  readonly tenantId: string;
  /** Whether it may still, under the configuration in force now. */
  readonly isEntitled: () => boolean;
}

export interface VerifierDependencies {
  readonly configuration: CurrentConfiguration;
  readonly now: () => Date;
}

/** RFC 7617 §2, with what RFC 6749 §2.3.1 puts into it. */
const BASIC = /^basic ([A-Za-z0-9+/]+={0,2})$/i;

/**
 * Proves a client that some resource server lists under `introspection_clients`: whoever may ask about its
 * tokens may hear which of them have been revoked.
 *
 * @param authorization HTTP Basic with the client's id and secret (RFC 6749 §2.3.1).
 * @throws {OAuthError} `invalid_client`, alike for whatever is wrong; `access_denied` for a client that verifies
 *   for nobody.
 */
export const createVerifierProver =
  ({ configuration, now }: VerifierDependencies) =>
  (authorization: string): Verifier => {
    const { id, secret } = readBasic(authorization);
    const inForce = configuration.get();
    const app = inForce.index.app(id);
    if (!isSecretOf(app, secret) || !app || !isInService(app, now())) throw notProven();
    if (!verifiesFor(app, inForce)) throw verifiesForNobody();
    return {
      clientId: app.id,
      tenantId: app.tenant,
      isEntitled: () => {
        const current = configuration.get();
        const itself = current.index.app(id);
        return (
          itself !== undefined &&
          isInService(itself, now()) &&
          isSecretOf(itself, secret) &&
          verifiesFor(itself, current)
        );
      },
    };
  };

/** A tenant's own; a signing key, which signs for every tenant, is everybody's. */
export const concerns = ({ tenantId }: Verifier, event: RevocationEvent): boolean =>
  event.tenantId === tenantId || event.target.startsWith('key:');

const isInService = (app: App, now: Date): boolean => app.enabled && !hasExpired(app, now);

const verifiesFor = ({ id, tenant }: App, { deployment }: InForce): boolean =>
  deployment.resource_servers.some(
    (server) => server.tenant === tenant && server.introspection_clients.includes(id),
  );

const readBasic = (authorization: string): { readonly id: string; readonly secret: string } => {
  const [, encoded] = BASIC.exec(authorization) ?? [];
  if (encoded === undefined) throw notProven();
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const separator = text.indexOf(':');
  if (separator < 1) throw notProven();
  return { id: decode(text.slice(0, separator)), secret: decode(text.slice(separator + 1)) };
};

/** Each half is form-encoded before it is joined. */
const decode = (text: string): string => {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    throw notProven();
  }
};

const notProven = (): OAuthError =>
  new OAuthError('invalid_client', 'client authentication failed', {
    headers: { 'WWW-Authenticate': 'Basic realm="daypass"' },
    violations: [
      {
        field: 'Authorization',
        rule: 'client_authentication',
        message: 'this takes the id and secret of a client, as client_secret_basic',
        remedy: 'send "Authorization: Basic …" with the credentials of an introspection client',
      },
    ],
  });

const verifiesForNobody = (): OAuthError =>
  new OAuthError('access_denied', 'this client verifies tokens for no resource server', {
    violations: [
      {
        field: 'Authorization',
        rule: 'not_a_verifier',
        message: 'no resource server names the client',
        remedy: 'list it under `introspection_clients` of the resource server',
      },
    ],
  });
