import type { Client, Provider } from 'oidc-provider';
import introspection from 'oidc-provider/lib/actions/introspection.js';
import rejectStructuredTokens from 'oidc-provider/lib/shared/reject_structured_tokens.js';

/**
 * The one file that reaches past the library's public entry (docs/adr/0004), written for 9.13.3.
 *
 * At `/introspect` and `/revoke` the library would ask its own store about tokens, and refuses every JWT
 * (security.md F9). What comes before that is exactly what we want of it: reading the form, one value for
 * each parameter, the client authenticated as at `/token`, a `token` there. So its own steps are run up
 * to the first that looks at the token; what follows is ours. Nothing is copied, and nothing of the
 * library is changed.
 */
const FIRST_OF_THE_REST = introspection.indexOf(rejectStructuredTokens);
const WITH_TOKEN = introspection.slice(0, Math.max(0, FIRST_OF_THE_REST));
if (WITH_TOKEN.at(-1)?.name !== 'validateTokenPresence') {
  // Fails at start, and in every test: never a request that was not authenticated.
  throw new Error('oidc-provider has moved what client-authentication.ts stands on');
}
const WITHOUT_TOKEN = WITH_TOKEN.slice(0, -1);

/** The library's own, which is Koa's. */
export type Context = Parameters<Parameters<Provider['use']>[0]>[0];

/** Who came in, and what they sent beside their credentials. */
export interface Authenticated<Params = Readonly<Record<string, unknown>>> {
  readonly client: Client;
  /** Authenticated, or public and only named. */
  readonly isPublic: boolean;
  readonly params: Params;
}

/** What a client sent about a token. */
export type AboutToken = Authenticated<
  Readonly<Record<string, unknown>> & { readonly token: string }
>;

export interface ClientAuthentication {
  /** @throws {OIDCProviderError} as the token endpoint does, whatever is wrong with the form or the client. */
  client(ctx: Context): Promise<Authenticated>;
  /** As `client`, and a `token` has to be there. */
  aboutToken(ctx: Context): Promise<AboutToken>;
}

export const createClientAuthentication = (provider: Provider): ClientAuthentication => {
  const authenticate = async (
    ctx: Context,
    steps: typeof introspection,
  ): Promise<Authenticated> => {
    const oidc = new provider.OIDCContext(ctx);
    // Names a route the library knows: it resolves it for the audiences of an assertion, of which
    // provider.ts takes the issuer alone, whichever endpoint it is sent to.
    Object.assign(oidc, { route: 'token' });
    const about = Object.assign(ctx, { oidc });
    const step = async (at: number): Promise<void> => {
      await steps[at]?.(about, () => step(at + 1));
    };
    await step(0);

    const { client, params } = oidc;
    if (!client || !params) throw new Error('the library authenticated nobody, and did not say so');
    return { client, isPublic: client.clientAuthMethod === 'none', params };
  };
  return {
    client: (ctx) => authenticate(ctx, WITHOUT_TOKEN),
    aboutToken: (ctx) => authenticate(ctx, WITH_TOKEN) as Promise<AboutToken>,
  };
};
