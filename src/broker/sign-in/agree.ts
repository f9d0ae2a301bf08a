import type { App, Deployment } from '../../config/deployment.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import type { SignIn } from '../../protocol/principal.ts';
import { type Audited, audited } from '../audited.ts';
import { type CurrentConfiguration, underConfiguration } from '../configuration.ts';
import type { RequestContext } from '../context.ts';
import { ADMIN_CLIENT, forApps } from '../exchange/admin-client.ts';
import type { Asked } from '../exchange/asked.ts';
import { fromAuthorization, type Limit } from '../exchange/authority.ts';
import { bindsToCertificate } from '../exchange/binding.ts';
import type { createDecide } from '../exchange/decide.ts';
import { appIn, identify } from '../exchange/exchange.ts';
import type { Settled } from '../exchange/settle.ts';
import { userinfoOf } from '../exchange/target.ts';

export interface AgreeDependencies extends Audited {
  readonly configuration: CurrentConfiguration;
  readonly decide: ReturnType<typeof createDecide>;
  readonly issuer: string;
}

/** What an app asks a person for. */
export interface Wanted {
  readonly app: App;
  readonly signIn: SignIn;
  readonly asked: Asked;
  /** Whether what is issued will be bound to a key, as far as is known. */
  readonly bound: boolean;
  readonly context: RequestContext;
}

/** What would come of it, for the person to agree to; and, once they have, the bounds of it. */
export interface Agreeable {
  readonly settled: Pick<Settled, 'target' | 'parts' | 'scopes' | 'ttl'>;
  readonly limit: Limit;
}

/**
 * What a person would agree to: decided exactly as a token would be, and issued to nobody.
 *
 * @throws {OAuthError} whatever an exchange would be refused for; it is on record.
 */
export const createAgree =
  (dependencies: AgreeDependencies) =>
  async ({ app, signIn, asked: written, bound, context }: Wanted): Promise<Agreeable> => {
    const { configuration, decide, issuer, now } = dependencies;
    const asked = forSomething(written, issuer);
    const exchange = {
      door: 'token' as const,
      app,
      authority: fromAuthorization({
        signIn: forApp(signIn, app, configuration.get().deployment),
        grantId: 'g_',
        appId: app.id,
        authorizedAt: now().getTime() / 1000,
        expiresAt: new Date(signIn.expiresAt * 1000),
        limit: undefined,
        thumbprint: undefined,
      }),
      jkt: bound || bindsToCertificate(app) ? 'to-be-proven' : undefined,
      proofs: [],
      asked,
      context: { ...context, origin: undefined, certificate: undefined }, // the browser's, not the app's
    };
    const known = identify({ ...exchange, jkt: undefined }, dependencies);
    return audited(dependencies, 'authorization', known, [], (event) => {
      if (app.tenant !== signIn.tenant) throw OTHER_TENANT();
      return underConfiguration(configuration, (inForce) => {
        const { settled } = decide({ ...exchange, app: appIn(inForce, app) }, inForce, event);
        return { settled, limit: limitOf(settled) };
      });
    });
  };

/** Raw claims are for the admin door alone. */
export const forApp = (signIn: SignIn, app: App, deployment: Deployment): SignIn =>
  app.id === ADMIN_CLIENT ? signIn : forApps(signIn, deployment);

/** Nothing but a sign-in was asked for: then the token says who signed in. */
const forSomething = (asked: Asked, issuer: string): Asked =>
  asked.resource === undefined && asked.details === undefined && asked.actions === undefined
    ? { ...asked, resource: userinfoOf(issuer) }
    : asked;

const limitOf = ({
  target,
  scopes,
  parts,
  lawfulBasis,
}: Pick<Settled, 'target' | 'scopes' | 'parts' | 'lawfulBasis'>): Limit => ({
  resource: target.id,
  scopes,
  authorizationDetails: parts.map(({ detail }) => detail),
  lawfulBasis,
});

const OTHER_TENANT = (): OAuthError =>
  new OAuthError('access_denied', 'this app is not for people of your organisation', {
    detail: 'sign-in of another tenant',
    violations: [
      {
        field: 'app_id',
        rule: 'other_tenant',
        message: 'the app belongs to another tenant than the person who signed in',
        remedy: 'sign in with an account of the organisation the app belongs to',
      },
    ],
  });
