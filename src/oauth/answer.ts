import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Client, Provider } from 'oidc-provider';
import { OAuthError } from '../protocol/oauth-error.ts';
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

/** What the library would allow a page. */
const CORS = ['Access-Control-Allow-Origin', 'Access-Control-Expose-Headers'];

interface Outcome {
  readonly body: unknown;
  readonly error: unknown;
  /** As the request names it; whether it authenticated, the error says. */
  readonly client: Client | undefined;
}

/** Told of what a client is refused once it has authenticated. */
export type OnRefusal = (
  request: IncomingMessage,
  clientId: string,
  refusal: OAuthError,
) => Promise<void>;

/**
 * Lets the library answer into a context of its own and writes nothing: what it refuses goes the way of
 * every refusal, so it has the same shape, headers and log line.
 */
export const createAnswer = (
  provider: Provider,
  issuer: string,
  onRefusal: OnRefusal,
): AnswerOAuth => {
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
    // Not the library's to say: CORS is our own pipeline's, and a challenge comes with its refusal.
    for (const name of CORS) ctx.remove(name);
    ctx.remove('WWW-Authenticate');
    const { client } = ctx.oidc;
    outcomes.set(ctx.req, { body: ctx.body, error: thrown.get(ctx.req), client });
  });
  const callback = provider.callback();

  return async (request, response) => {
    await callback(request, response);
    const outcome = outcomes.get(request);
    if (!outcome) throw new Error('the authorization server gave no answer');
    const { client, error, body } = outcome;
    if (error === undefined) return { status: response.statusCode, body };
    const hasAuthorization = request.headers.authorization !== undefined;
    const refusal = toRefusal(error, { issuer, hasAuthorization });
    if (client && hasAuthenticated(client, refusal)) {
      // What a use case refused, it has recorded itself: the very error tells.
      const recorded = error instanceof OAuthError ? error : refusal;
      await onRefusal(request, client.clientId, recorded);
    }
    throw refusal;
  };
};

/** The id of a public client is nobody's proof of anything. */
const hasAuthenticated = (client: Client, refusal: unknown): refusal is OAuthError =>
  client.clientAuthMethod !== 'none' &&
  refusal instanceof OAuthError &&
  refusal.code !== 'invalid_client';
