import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Context, Middleware, Next } from 'koa';
import { NO_STORE } from './reply.ts';
import { methodNotAllowed } from './unanswered.ts';

/** The library's endpoints that this release stands behind, each with its method; nothing else of it is reachable. */
const ENDPOINTS: ReadonlyMap<string, string> = new Map([['/token', 'POST']]);

export interface AuthorizationServerDependencies {
  /** Sets headers on `response`, and leaves status and body to us. */
  readonly answer: (
    request: IncomingMessage,
    response: ServerResponse,
  ) => Promise<{ readonly status: number; readonly body: unknown }>;
  /** Makes the library see the configured issuer, whatever `Host` says. */
  readonly pin: (request: IncomingMessage) => void;
}

export const createAuthorizationServer =
  ({ answer, pin }: AuthorizationServerDependencies): Middleware =>
  async (ctx: Context, next: Next): Promise<void> => {
    const method = ENDPOINTS.get(ctx.path);
    if (method === undefined) return next();
    ctx.state.route = ctx.path;
    if (ctx.method !== method) throw methodNotAllowed([method]);
    pin(ctx.req);
    const { status, body } = await answer(ctx.req, ctx.res);
    ctx.set(NO_STORE);
    ctx.status = status;
    ctx.body = body;
  };
