import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { RequestContext } from '../broker/context.ts';
import type { OAuthError } from '../protocol/oauth-error.ts';
import type { Cors } from './cors.ts';
import { asRefusal, toReply } from './refusal.ts';
import { type Reply, writeReply } from './reply.ts';
import type { Route } from './route.ts';
import { createRouter } from './router.ts';
import { notFound } from './unanswered.ts';
import { headerOf, toVisit, type Visit } from './visit.ts';

/** Answers what it knows, and is undefined for the rest. Headers it sets on `response` are kept. */
export type Section = (visit: Visit, response: ServerResponse) => Promise<Reply | undefined>;

export interface AppDependencies {
  readonly issuer: string;
  readonly routes: readonly Route[];
  readonly serve: (
    route: Route,
    visit: Visit,
    params: Readonly<Record<string, string>>,
  ) => Promise<Reply>;
  readonly requestContext: (request: IncomingMessage) => RequestContext;
  readonly cors: Cors;
  /** The nonce for a caller's next proof. */
  readonly nonce: () => string;
  readonly onAnswer: (answer: Answered) => void;
  /** The answer could not be written. */
  readonly onBroken: (error: unknown) => void;
  readonly pages: Section;
  /** The authorization server: everything that no route of ours takes. */
  readonly provider: Section;
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

/** RFC 6797: a browser that has been here comes by TLS from then on. Two years, as preload lists want it; this host alone. */
const BY_TLS = { 'Strict-Transport-Security': 'max-age=63072000' };

/**
 * Each step of a request, in the order it meets them. No framework: this is the hot path, and all of it
 * (docs/adr/0010).
 */
export const createApp = (dependencies: AppDependencies): RequestListener => {
  const { cors, nonce, pages, provider, onAnswer, onBroken } = dependencies;
  const toRoute = createRouter(dependencies.routes);
  const always = dependencies.issuer.startsWith('https:') ? BY_TLS : {};

  const dispatch = async (visit: Visit, response: ServerResponse): Promise<Reply> => {
    const found = toRoute(visit.method, visit.path);
    if (!found) {
      return (await pages(visit, response)) ?? (await provider(visit, response)) ?? notFound();
    }
    visit.route = found.route.path;
    return dependencies.serve(found.route, visit, found.params);
  };

  return (request, response) => {
    const started = performance.now();
    const visit = toVisit(request, dependencies.requestContext(request));
    const { context } = visit;
    const headers: Record<string, string> = {
      'X-Request-Id': context.requestId,
      'X-Content-Type-Options': 'nosniff',
      Vary: 'Origin',
      ...always,
    };
    let error: OAuthError | undefined;

    const answer = async (): Promise<Reply> => {
      try {
        // Before any route: a page of no app's origin gets nowhere.
        return cors(visit, headers) ?? (await dispatch(visit, response));
      } catch (thrown) {
        // The one place an exception becomes an answer.
        error = asRefusal(thrown);
        return toReply(error, context.requestId);
      }
    };
    const finish = async (): Promise<void> => {
      const reply = await answer();
      error ??= reply.error;
      // RFC 9449 §8.2: every answer to a proof carries the nonce for the next one, a refusal too.
      if (headerOf(visit, 'dpop') !== '') headers['DPoP-Nonce'] = nonce();
      const { method, route } = visit;
      const milliseconds = performance.now() - started;
      const { requestId, ip } = context;
      onAnswer({ method, route, status: reply.status, milliseconds, requestId, ip, error });
      await writeReply(response, method, reply, headers);
    };
    finish().catch((broken: unknown) => {
      response.destroy();
      onBroken(broken);
    });
  };
};
