import type { DeploymentDocument } from '../../config/deployment.ts';
import { hasExpired } from '../../config/expiry.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import { type Audited, audited } from '../audited.ts';
import type { ChangeConfiguration } from '../configure/change.ts';
import type { Edited } from '../configure/configure.ts';
import { entryPlace } from '../configure/place.ts';
import type { RequestContext } from '../context.ts';
import { type AppDocument, type ClientMetadata, type NewApp, newAppOf } from './new-app.ts';
import {
  createRegistrantProver,
  type Registrant,
  type RegistrantDependencies,
} from './registrant.ts';

export interface RegisterDependencies extends Audited, RegistrantDependencies {
  readonly change: ChangeConfiguration;
}

/**
 * Dynamic client registration (RFC 7591), for whoever holds an initial access token: an app of that tenant, of the
 * types and with the grants that the tenant gives to all such apps, for as long as it says. Nothing that the client
 * says of itself widens any of it.
 *
 * @param read what the client says, once it is known to be somebody's.
 * @throws {OAuthError} `invalid_token`; `invalid_client_metadata`, `invalid_redirect_uri` (§3.2.2);
 *   `access_denied` where there are as many as there may be.
 */
export const createRegister = (dependencies: RegisterDependencies) => {
  const { change, now } = dependencies;
  const prove = createRegistrantProver(dependencies);

  return async (
    initialAccessToken: string,
    read: () => Promise<ClientMetadata>,
    context: RequestContext,
  ): Promise<NewApp> => {
    const registrant = prove(initialAccessToken);
    const { ip, traceId, requestId } = context;
    const { tenantId, by } = registrant;
    const known = { tenantId, ip, traceId, requestId, detail: { by } };
    return audited(dependencies, 'client.register', known, [], async () => {
      const made = newAppOf(await read(), registrant, now());
      const author = {
        judge: () => prove(initialAccessToken),
        applicantOf: ({ judgedUnder }: Registrant) => ({
          by,
          reach: tenantId,
          source: 'dynamic client registration',
          known: { ...known, appId: made.app.id },
          holder: { keys: [`tenant:${tenantId}` as const], authorities: [] },
          judgedUnder,
        }),
      };
      await change(entryPlace('apps', made.app.id), author, (document, { bounds }) =>
        withApp(document, made.app, bounds, now()),
      ).catch((error: unknown) => {
        throw asMetadataError(error);
      });
      return made;
    });
  };
};

/** Beside those that registered themselves and have not expired: the others go. */
const withApp = (
  document: DeploymentDocument,
  app: AppDocument,
  { max_apps }: Registrant['bounds'],
  now: Date,
): Edited => {
  const isOfThem = ({ tenant, registered }: AppDocument): boolean =>
    tenant === app.tenant && registered !== undefined;
  const apps = (document.apps ?? []).filter((each) => !isOfThem(each) || !hasExpired(each, now));
  if (apps.filter(isOfThem).length >= max_apps) throw tooMany(max_apps);
  const tenant = document.tenants?.find(({ id }) => id === app.tenant);
  const grants = tenant?.registration?.grants ?? [];
  return { document: { ...document, apps: [...apps, { ...app, grants }] }, written: [app.id] };
};

/** RFC 7591 §3.2.2 has two codes for what is wrong with what the client says. */
const asMetadataError = (error: unknown): unknown => {
  if (!(error instanceof OAuthError) || error.code !== 'invalid_request') return error;
  const { violations } = error;
  const isOfRedirect = violations.some(({ field }) => field.startsWith('redirect_uris'));
  const code = isOfRedirect ? 'invalid_redirect_uri' : 'invalid_client_metadata';
  return new OAuthError(code, violations[0]?.message ?? error.message, { violations });
};

const tooMany = (most: number): OAuthError =>
  new OAuthError('access_denied', `${most} apps have registered themselves already`, {
    violations: [
      {
        field: 'max_apps',
        rule: 'at_most',
        message: `no more than ${most} may at once`,
        remedy: 'ask the platform team to remove some, or to allow more',
      },
    ],
  });
