import { type Route, route } from '../route.ts';

export interface OperationsRoutes {
  /** Rejects while something needed to issue is missing. */
  readonly ready: () => Promise<void>;
  readonly metrics: () => Promise<string>;
  readonly openapi: () => object;
}

/** For whoever runs it. None of these says anything of a user, and none takes a credential. */
export const operationsRoutes = ({ ready, metrics, openapi }: OperationsRoutes): Route[] => [
  route({
    method: 'GET',
    path: '/health/live',
    summary: 'Is the process alive? Restart it if not',
    authentication: 'none',
    answer: { status: 200, description: 'It is' },
    handle: async () => ({ status: 200, body: { status: 'live' } }),
  }),
  route({
    method: 'GET',
    path: '/health/ready',
    summary: 'Can it issue? Send it no traffic if not',
    authentication: 'none',
    answer: { status: 200, description: 'It can; 503 otherwise' },
    handle: async () => {
      await ready();
      return { status: 200, headers: { 'Cache-Control': 'no-store' }, body: { status: 'ready' } };
    },
  }),
  route({
    method: 'GET',
    path: '/metrics',
    summary: 'Metrics in the Prometheus text format',
    authentication: 'none',
    answer: { status: 200, description: 'Prometheus text' },
    handle: async () => ({
      status: 200,
      headers: { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8' },
      body: await metrics(),
    }),
  }),
  route({
    method: 'GET',
    path: '/openapi.json',
    summary: 'This API, described',
    authentication: 'none',
    answer: { status: 200, description: 'OpenAPI 3.1' },
    handle: async () => ({ status: 200, body: openapi() }),
  }),
];
