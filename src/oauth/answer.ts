import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Provider } from 'oidc-provider';
import { toRefusal } from './refusals.ts';

/**
 * One request to an endpoint of the library. Headers are set on `response`; the caller writes status and body.
 *
 * @throws {OAuthError} whatever the library or a grant of ours refuses; another Error where one of them broke.
 */
export type AnswerOAuth = (
  request: IncomingMessage,
  response: ServerResponse,
) => Promise<{ readonly status: number; readonly body: unknown }>;

interface Outcome {
  readonly body: unknown;
  readonly error: unknown;
}

/**
 * Lets the library answer into a context of its own and writes nothing: what it refuses goes the way of
 * every refusal, so it has the same shape, headers and log line.
 */
export const createAnswer = (provider: Provider, issuer: string): AnswerOAuth => {
  const thrown = new WeakMap<IncomingMessage, unknown>();
  const outcomes = new WeakMap<IncomingMessage, Outcome>();

  // The library turns every error into a body before anyone outside sees it, and tells of it only here.
  provider.on('grant.error', ({ req }, error) => thrown.set(req, error));
  provider.on('server_error', ({ req }, error) => thrown.set(req, error));
  provider.silent = true; // what breaks is thrown to our own pipeline, which logs it

  provider.use(async (ctx, next) => {
    ctx.respond = false;
    try {
      await next();
    } catch (error) {
      thrown.set(ctx.req, error);
    }
    // CORS is our own pipeline's; without an Origin the library allows every one.
    if (ctx.get('Origin') === '') ctx.remove('Access-Control-Allow-Origin');
    ctx.remove('WWW-Authenticate'); // of the refusal, where there is one
    outcomes.set(ctx.req, { body: ctx.body, error: thrown.get(ctx.req) });
  });
  const callback = provider.callback();

  return async (request, response) => {
    await callback(request, response);
    const outcome = outcomes.get(request);
    if (!outcome) throw new Error('the authorization server gave no answer');
    const hasAuthorization = request.headers.authorization !== undefined;
    if (outcome.error !== undefined) throw toRefusal(outcome.error, { issuer, hasAuthorization });
    return { status: response.statusCode, body: outcome.body };
  };
};
