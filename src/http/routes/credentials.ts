import type { createRequestCredentials } from '../../broker/credentials/request-credentials.ts';
import { NO_STORE } from '../reply.ts';
import { type Route, route } from '../route.ts';
import {
  credentialsAnswer,
  credentialsBody,
  toCredentialsAnswer,
  toCredentialsRequest,
} from '../wire/credentials.ts';

export interface CredentialsRoutes {
  readonly requestCredentials: ReturnType<typeof createRequestCredentials>;
}

export const credentialsRoutes = (broker: CredentialsRoutes): Route[] => [
  route({
    method: 'POST',
    path: '/request-credentials',
    summary: "Ask for temporary credentials of the bucket's cloud, for everything below one prefix",
    description:
      'For listing, and for many objects. Whoever holds them may use them until they end, whatever happens to the token: `/request-upload` and `/request-download` reach one object each, and can be called back.',
    authentication: 'token',
    isPaced: true,
    body: credentialsBody,
    answer: {
      status: 201,
      schema: credentialsAnswer,
      description: "What the cloud's own SDK takes",
    },
    handle: async ({ body, token, context }) => ({
      status: 201,
      headers: NO_STORE,
      body: toCredentialsAnswer(
        await broker.requestCredentials(token, toCredentialsRequest(body), context),
      ),
    }),
  }),
];
