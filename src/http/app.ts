import Router from '@koa/router';
import Koa, { type Context, type Middleware, type Next } from 'koa';
import type { RequestContext } from '../broker/context.ts';
import type { OAuthError } from '../protocol/oauth-error.ts';
import { asRefusal, toReply } from './refusal.ts';
import type { Reply } from './reply.ts';
import type { Route } from './route.ts';
import { methodNotAllowed, notFound } from './unanswered.ts';

export interface AppDependencies {
  readonly routes: readonly Route[];
  readonly serve: (
    route: Route,
    ctx: Context,
    params: Record<string, string>,
    context: RequestContext,
  ) => Promise<Reply>;
  readonly requestContext: (ctx: Context) => RequestContext;
  readonly cors: Middleware;
  /** The nonce for a caller's next proof. */
  readonly nonce: () => string;
  readonly onAnswer: (answer: Answered) => void;
  readonly pages: Middleware;
  /** The authorization server: everything that no route of ours takes. */
  readonly provider: Middleware;
}

/** One line of the access log. No header, query or body is in it. */
export interface Answered {
  readonly method: string;
  /** The route, not the path: ids are not labels. */
  readonly route: string;
  readonly status: number;
  readonly milliseconds: number;
  readonly requestId: string;
  readonly ip: string | undefined;
  readonly error: OAuthError | undefined;
}

/** Each step of a request, in the order it meets them. */
export const createApp = (dependencies: AppDependencies): Koa => {
  const app = new Koa();
  app.use(accessLog(dependencies)); // first: names the request, and sees its final status
  app.use(dpopNonce(dependencies)); // outside errors: a refused proof is answered with a nonce too
  app.use(errors); //                  the one place an exception becomes an answer
  app.use(dependencies.cors); //       before any route: a page of no app's origin gets nowhere
  app.use(toRouter(dependencies)); //  our own endpoints, each with its authentication
  app.use(dependencies.pages); //      /docs and what it loads
  app.use(dependencies.provider); //   the authorization server's endpoints, and nothing else
  app.use(notFound);
  return app;
};

const accessLog =
  ({ requestContext, onAnswer }: AppDependencies) =>
  async (ctx: Context, next: Next): Promise<void> => {
    const started = process.hrtime.bigint();
    const context = requestContext(ctx);
    ctx.state.context = context;
    ctx.set('X-Request-Id', context.requestId);
    ctx.set('X-Content-Type-Options', 'nosniff');
    try {
      await next();
    } finally {
      onAnswer({
        method: ctx.method,
        route: routeOf(ctx),
        status: ctx.status,
        milliseconds: Number(process.hrtime.bigint() - started) / 1e6,
        requestId: context.requestId,
        ip: context.ip,
        error: ctx.state.error as OAuthError | undefined,
      });
    }
  };

const routeOf = (ctx: Context): string => (ctx.state.route as string | undefined) ?? 'other';

/** RFC 9449 §8.2: every answer to a proof carries the nonce for the next one. */
const dpopNonce =
  ({ nonce }: AppDependencies) =>
  async (ctx: Context, next: Next): Promise<void> => {
    await next();
    if (ctx.get('DPoP') !== '') ctx.set('DPoP-Nonce', nonce());
  };

const errors = async (ctx: Context, next: Next): Promise<void> => {
  try {
    await next();
  } catch (thrown) {
    const error = asRefusal(thrown);
    ctx.state.error = error;
    write(ctx, toReply(error, contextOf(ctx).requestId));
  }
};

/** Most requests name a path of ours to the letter: those take one look into a map, the others a router. */
const toRouter = ({ routes, serve }: AppDependencies): Middleware => {
  const answer = async (route: Route, ctx: Context, params: Record<string, string>) => {
    ctx.state.route = route.path;
    write(ctx, await serve(route, ctx, params, contextOf(ctx)));
  };
  const paths = Map.groupBy(routes, ({ path }) => path);
  const router = new Router({ exclusive: false, strict: true });
  for (const [path, here] of paths) {
    if (!path.includes('{')) continue;
    router.all(path.replaceAll(/\{(\w+)\}/g, ':$1'), (ctx) =>
      answer(withMethod(here, ctx.method), ctx, ctx.params),
    );
  }
  const withParameters = router.routes() as unknown as Middleware;

  return (ctx, next) => {
    const here = paths.get(ctx.path);
    return here ? answer(withMethod(here, ctx.method), ctx, {}) : withParameters(ctx, next);
  };
};

/** A path of ours with another method never falls through to the authorization server. */
const withMethod = (here: readonly Route[], method: string): Route => {
  // RFC 9110 §9.3.2: HEAD is GET without its content, which Koa leaves out.
  const wanted = method === 'HEAD' ? 'GET' : method;
  const route = here.find((one) => one.method === wanted);
  if (route) return route;
  throw methodNotAllowed(here.map((one) => one.method));
};

const write = (ctx: Context, { status, headers = {}, body }: Reply): void => {
  ctx.status = status;
  ctx.set(headers);
  ctx.body = body ?? null;
  if (body === undefined) ctx.status = status; // Koa makes an empty body a 204
};

const contextOf = (ctx: Context): RequestContext => ctx.state.context as RequestContext;
