import { z } from 'zod';
import type { ClientSecrets } from '../../broker/configure/client-secrets.ts';
import { NO_STORE } from '../reply.ts';
import { type Route, route } from '../route.ts';

export type ClientSecretRoutes = ClientSecrets;

const WRITE = { roles: ['platform'], reach: 'tenant' } as const;

const expires = z
  .union([z.iso.date(), z.iso.datetime({ offset: true })], { error: 'must be a date, or RFC 3339' })
  .optional()
  .meta({ description: 'Until when it is good; left out: as long as the app.' });

const secretBody = z.strictObject({ expires });
const secretAnswer = z.object({
  client_id: z.string(),
  client_secret: z.string().meta({ description: 'Shown this once: what is kept is its hash.' }),
  secret_hash: z.string(),
  expires: z.string().nullable(),
});

export const clientSecretRoutes = (broker: ClientSecretRoutes): Route[] => [
  route({
    method: 'POST',
    path: '/admin/v1/apps/{id}/secrets',
    summary: 'Make a secret for a web or service app, beside those it has',
    authentication: WRITE,
    body: secretBody,
    isBodyOptional: true,
    isConditional: true,
    answer: { status: 201, schema: secretAnswer, description: 'The secret, this once' },
    handle: async ({ params: { id = '' }, body, conditions, admin }) => {
      const minted = await broker.mintSecret(admin, id, body.expires, conditions());
      return {
        status: 201,
        headers: NO_STORE,
        body: {
          client_id: id,
          client_secret: minted.secret,
          secret_hash: minted.hash,
          expires: minted.expires ?? null,
        },
      };
    },
  }),
  route({
    method: 'DELETE',
    path: '/admin/v1/apps/{id}/secrets/{hash}',
    summary: 'Take out one secret of an app, by its hash',
    authentication: WRITE,
    isConditional: true,
    answer: { status: 204, description: 'It is good for nothing any more' },
    handle: async ({ params: { id = '', hash = '' }, conditions, admin }) => {
      await broker.withdrawSecret(admin, id, hash, conditions());
      return { status: 204 };
    },
  }),
];
