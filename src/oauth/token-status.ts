import type { IncomingMessage } from 'node:http';
import type { Provider } from 'oidc-provider';
import type { CurrentConfiguration } from '../broker/configuration.ts';
import type { RequestContext } from '../broker/context.ts';
import type { Introspect } from '../broker/introspection/introspect.ts';
import type { SignIntrospection } from '../broker/introspection/signed-introspection.ts';
import { mustComeFromItsOrigin } from '../broker/origin.ts';
import type { RevokeOwn } from '../broker/revocation/revoke-own.ts';
import type { App } from '../config/deployment.ts';
import { OAuthError } from '../protocol/oauth-error.ts';
import { type Context, createClientAuthentication } from './client-authentication.ts';
import { appForClient } from './clients.ts';
import { appOf } from './grants.ts';
import { mustBeSound } from './token-request.ts';

export interface TokenStatusDependencies {
  readonly configuration: CurrentConfiguration;
  readonly introspect: Introspect;
  readonly signIntrospection: SignIntrospection;
  readonly revokeOwn: RevokeOwn;
  readonly contextOf: (request: IncomingMessage) => RequestContext;
}

/** RFC 9701 §4 */
const SIGNED = 'application/token-introspection+jwt';

interface Asked {
  readonly token: string;
  readonly app: App;
  readonly isPublic: boolean;
  readonly context: RequestContext;
}

/**
 * Is this token good, and may it go? `/introspect` and `/revoke`, in the library's place: it authenticates
 * the client, and broker/ asks the ledger.
 */
export const createTokenStatus = (
  provider: Provider,
  dependencies: TokenStatusDependencies,
): Parameters<Provider['use']>[0] => {
  const { configuration, introspect, signIntrospection, revokeOwn, contextOf } = dependencies;
  const authenticate = createClientAuthentication(provider).aboutToken;

  /** RFC 7662 §2; signed where the caller prefers that (RFC 9701 §4). */
  const answerIntrospection = async (ctx: Context, asked: Asked): Promise<void> => {
    // RFC 7662 §2.1, §4: only for callers that are proven. Anybody may say a public client's id.
    if (asked.isPublic) throw unauthenticated();
    const introspection = await introspect(asked.token, asked.app, asked.context);
    if (ctx.accepts('application/json', SIGNED) !== SIGNED) {
      ctx.body = introspection;
      return;
    }
    ctx.type = SIGNED;
    ctx.body = await signIntrospection(introspection, asked.app.id);
  };

  /** RFC 7009 §2. Also for public clients, which are told apart by their tokens (§2.1, §5). */
  const answerRevocation = async (ctx: Context, { token, app, context }: Asked): Promise<void> => {
    await revokeOwn(token, app, context);
    ctx.status = 200;
    ctx.body = '';
  };

  const endpoints = new Map([
    ['/introspect', answerIntrospection],
    ['/revoke', answerRevocation],
  ]);

  return async (ctx, next) => {
    const answer = endpoints.get(ctx.path);
    if (!answer) return next();
    const { client, isPublic, params } = await authenticate(ctx);
    mustBeSound(params);
    // The built-in client may give its tokens back as well.
    const app =
      appForClient(configuration, client.clientId) ?? appOf(configuration, client.clientId);
    const context = contextOf(ctx.req);
    mustComeFromItsOrigin(app, context, 'invalid_request');
    await answer(ctx, { token: params.token, app, isPublic, context });
  };
};

/** What a public client says of itself proves nothing. */
export const unauthenticated = (): OAuthError =>
  new OAuthError('invalid_client', 'client authentication failed', {
    detail: 'a public client authenticates nobody',
  });
