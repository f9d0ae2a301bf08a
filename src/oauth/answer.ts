import type { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Client, errors, type Provider } from 'oidc-provider';
import { OAuthError } from '../protocol/oauth-error.ts';
import { toRefusal } from './refusals.ts';

/**
 * One request to an endpoint of the library. Some headers are set on `response`; the caller writes the rest.
 *
 * @throws {OAuthError} whatever the library or a grant of ours refuses; another Error where one of them broke.
 */
export type AnswerOAuth = (
  request: IncomingMessage,
  response: ServerResponse,
) => Promise<{
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}>;

/** What the library would allow a page. */
const CORS = ['Access-Control-Allow-Origin', 'Access-Control-Expose-Headers'];

interface Outcome {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
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
  path: string,
) => Promise<void>;

type Middleware = Parameters<Provider['use']>[0];

export interface AnswerOptions {
  readonly issuer: string;
  /** What we answer in the library's place. */
  readonly inPlace: readonly Middleware[];
  readonly onRefusal: OnRefusal;
}

/**
 * Lets the library answer into a context of its own and writes nothing: what it refuses goes the way of
 * every refusal, so it has the same shape, headers and log line.
 */
export const createAnswer = (
  provider: Provider,
  { issuer, inPlace, onRefusal }: AnswerOptions,
): AnswerOAuth => {
  const thrown = new WeakMap<IncomingMessage, unknown>();
  const outcomes = new WeakMap<IncomingMessage, Outcome>();

  // The library turns every error into a body before anyone outside sees it, and tells of it only here.
  for (const event of ERRORS) {
    (provider as EventEmitter).on(event, ({ req }: { req: IncomingMessage }, error: unknown) =>
      thrown.set(req, error),
    );
  }
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
    outcomes.set(ctx.req, outcomeOf(ctx, thrown.get(ctx.req)));
  });
  for (const middleware of inPlace) provider.use(middleware);
  const callback = provider.callback();

  return async (request, response) => {
    await callback(request, response);
    const outcome = outcomes.get(request);
    if (!outcome) throw new Error('the authorization server gave no answer');
    const { client, error, headers, body } = outcome;
    if (error === undefined) return { status: response.statusCode, headers, body };
    const hasAuthorization = request.headers.authorization !== undefined;
    const refusal = toRefusal(error, { issuer, hasAuthorization });
    if (client && isForClients(outcome.path) && hasAuthenticated(client, refusal)) {
      // What a use case refused, it has recorded itself: the very error tells.
      const recorded = error instanceof OAuthError ? error : refusal;
      await onRefusal(request, client.clientId, recorded, outcome.path);
    }
    throw refusal;
  };
};

/** What the library refused, by the events that tell of it. */
const ERRORS = [
  'grant.error',
  'pushed_authorization_request.error',
  'authorization.error',
  'end_session.error',
  'end_session_confirm.error',
  'end_session_success.error',
  'server_error',
];

const outcomeOf = (ctx: Parameters<Middleware>[0], thrown: unknown): Outcome => {
  const { path, status, body } = ctx;
  const client = ctx.oidc?.client;
  const isRedirect = status >= 300 && status < 400;
  // A refusal that is sent on to the client is its answer; what broke here is nobody's answer.
  const isSentOn = isRedirect && thrown instanceof errors.OIDCProviderError && thrown.expose;
  const error = isSentOn ? undefined : thrown;
  if (error !== undefined) ctx.remove('Location');
  // The text of a redirect would repeat its address, and what is in it.
  return isRedirect
    ? { path, headers: {}, body: undefined, error, client }
    : { path, headers: headersOf(ctx), body, error, client };
};

/** At the others anybody may name a client. */
const isForClients = (path: string): boolean =>
  !(path.startsWith('/authorize') || path.startsWith('/session'));

/** What is not JSON says what it is. */
const headersOf = ({ body, response }: Parameters<Middleware>[0]): Outcome['headers'] =>
  typeof body === 'string' && body !== '' ? { 'Content-Type': response.get('Content-Type') } : {};

/** The id of a public client is nobody's proof of anything. */
const hasAuthenticated = (client: Client, refusal: unknown): refusal is OAuthError =>
  client.clientAuthMethod !== 'none' &&
  refusal instanceof OAuthError &&
  refusal.code !== 'invalid_client';
