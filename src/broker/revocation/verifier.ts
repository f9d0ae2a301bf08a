import type { App } from '../../config/deployment.ts';
import { hasExpired } from '../../config/expiry.ts';
import type { RevocationEvent } from '../../ledger/revocation-feed.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import { type Audited, recordRefusal } from '../audited.ts';
import { secretHashesOf } from '../client-secret.ts';
import type { CurrentConfiguration, InForce } from '../configuration.ts';
import type { RequestContext } from '../context.ts';

/** Someone who verifies tokens for a resource server, and may hear of revocations. */
export interface Verifier {
  readonly clientId: string;
  readonly tenantId: string;
  /** Whether it may still, under the configuration in force now. */
  readonly isEntitled: () => boolean;
}

export interface VerifierDependencies extends Audited {
  readonly configuration: CurrentConfiguration;
}

/** Proves who makes a request. Answers the client's id. @throws {OAuthError} `invalid_client` */
export type AuthenticateClient = () => Promise<string>;

const ACTION = 'revocation.follow';

/**
 * Proves a client that some resource server lists under `introspection_clients`: whoever may ask about its
 * tokens may hear which of them have been revoked.
 *
 * @throws {OAuthError} what `authenticate` throws; `access_denied` for a client that verifies for nobody.
 */
export const createVerifierProver = (dependencies: VerifierDependencies) => {
  const { configuration, now } = dependencies;

  return async (authenticate: AuthenticateClient, context: RequestContext): Promise<Verifier> => {
    // As they were before it was proven: who has other credentials by now is to prove those.
    const before = configuration.get().index;
    const clientId = await authenticate();
    const credentials = credentialsOf(before.app(clientId), now());
    const { tenant: tenantId } = before.app(clientId) ?? { tenant: '' };
    const isEntitled = (): boolean => {
      const inForce = configuration.get();
      const app = inForce.index.app(clientId);
      return (
        app !== undefined &&
        isInService(app, now()) &&
        credentialsOf(app, now()) === credentials &&
        verifiesFor(app, inForce)
      );
    };
    if (isEntitled()) return { clientId, tenantId, isEntitled };
    const { ip, traceId, requestId } = context;
    const event = { action: ACTION, tenantId, appId: clientId, ip, traceId, requestId };
    const refusal = verifiesForNobody();
    await recordRefusal(dependencies, refusal, event);
    throw refusal;
  };
};

/** All that a client may prove itself by. Leans closed: where any of it changes, it proves itself anew. */
const credentialsOf = (app: App | undefined, now: Date): string =>
  JSON.stringify([secretHashesOf(app, now), app?.jwks, app?.tls_client_auth]);

/** A tenant's own; a signing key, which signs for every tenant, is everybody's. */
export const concerns = ({ tenantId }: Verifier, event: RevocationEvent): boolean =>
  event.tenantId === tenantId || event.target.startsWith('key:');

const isInService = (app: App, now: Date): boolean => app.enabled && !hasExpired(app, now);

const verifiesFor = ({ id, tenant }: App, { deployment }: InForce): boolean =>
  deployment.resource_servers.some(
    (server) => server.tenant === tenant && server.introspection_clients.includes(id),
  );

const verifiesForNobody = (): OAuthError =>
  new OAuthError('access_denied', 'this client verifies tokens for no resource server', {
    violations: [
      {
        field: 'client_id',
        rule: 'not_a_verifier',
        message: 'no resource server names the client',
        remedy: 'list it under `introspection_clients` of the resource server',
      },
    ],
  });
