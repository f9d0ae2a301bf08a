import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Section } from './app.ts';
import { NO_STORE } from './reply.ts';
import { methodNotAllowed } from './unanswered.ts';
import type { Visit } from './visit.ts';

/** The library's endpoints that this release stands behind, each with its method; nothing else of it is reachable. */
const ENDPOINTS: ReadonlyMap<string, string> = new Map([
  ['/token', 'POST'],
  ['/introspect', 'POST'],
  ['/revoke', 'POST'],
]);

export interface AuthorizationServerDependencies {
  /** Sets headers on `response`, and leaves status and body to us. */
  readonly answer: (
    visit: Visit,
    response: ServerResponse,
  ) => Promise<{
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: unknown;
  }>;
  /** Makes the library see the configured issuer, whatever `Host` says. */
  readonly pin: (request: IncomingMessage) => void;
}

export const createAuthorizationServer =
  ({ answer, pin }: AuthorizationServerDependencies): Section =>
  async (visit, response) => {
    const method = ENDPOINTS.get(visit.path);
    if (method === undefined) return undefined;
    visit.route = visit.path;
    if (visit.method !== method) throw methodNotAllowed([method]);
    pin(visit.request);
    const { status, headers, body } = await answer(visit, response);
    return { status, headers: { ...headers, ...NO_STORE }, body };
  };
