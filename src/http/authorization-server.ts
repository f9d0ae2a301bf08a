import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Context, Middleware, Next } from 'koa';

/** The library's endpoints that this release stands behind; nothing else of it is reachable. */
const ENDPOINTS: Readonly<Record<string, string>> = {
  '/token': '/token',
  '/jwks': '/jwks',
  '/.well-known/openid-configuration': '/.well-known/openid-configuration',
  // RFC 8414 §3: the same metadata under the OAuth name.
  '/.well-known/oauth-authorization-server': '/.well-known/openid-configuration',
};

export interface AuthorizationServerDependencies {
  readonly callback: (request: IncomingMessage, response: ServerResponse) => Promise<void>;
  /** Makes the library see the configured issuer, whatever `Host` says. */
  readonly pin: (request: IncomingMessage) => void;
}

export const createAuthorizationServer =
  ({ callback, pin }: AuthorizationServerDependencies): Middleware =>
  async (ctx: Context, next: Next): Promise<void> => {
    const endpoint = ENDPOINTS[ctx.path];
    if (endpoint === undefined || !Object.hasOwn(ENDPOINTS, ctx.path)) return next();
    ctx.state.route = ctx.path;
    if (ctx.path === '/jwks') ctx.set('Cache-Control', 'public, max-age=300');
    pin(ctx.req);
    ctx.req.url = endpoint + ctx.search;
    ctx.respond = false;
    ctx.res.statusCode = 404;
    await callback(ctx.req, ctx.res);
  };
