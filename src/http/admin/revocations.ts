import { z } from 'zod';
import type { Oversight } from '../../broker/oversight.ts';
import type { createLift, createRevoke } from '../../broker/revocation/revoke.ts';
import { NO_STORE } from '../reply.ts';
import { type Route, route } from '../route.ts';
import {
  revocationAnswer,
  revocationBody,
  toRevocationAnswer,
  toRevocationRequest,
} from '../wire/admin.ts';
import { listOf, onePast, pageQuery, toList, toPage } from '../wire/page.ts';

export interface RevocationRoutes extends Pick<Oversight, 'listRevocations' | 'showRevocation'> {
  readonly revoke: ReturnType<typeof createRevoke>;
  readonly lift: ReturnType<typeof createLift>;
}

const SECURITY = { roles: ['security'], reach: 'tenant' } as const;
const READERS = { roles: ['security', 'auditor'], reach: 'tenant' } as const;

export const revocationRoutes = (broker: RevocationRoutes): Route[] => [
  route({
    method: 'POST',
    path: '/admin/v1/revocations',
    summary: 'Revoke what the target names, and all that descends from it',
    authentication: SECURITY,
    body: revocationBody,
    answer: {
      status: 201,
      schema: revocationAnswer,
      description: 'The receipt: what is dead, and what is not',
    },
    handle: async ({ body, admin }) => ({
      status: 201,
      headers: NO_STORE,
      body: toRevocationAnswer(await broker.revoke(admin, toRevocationRequest(body))),
    }),
  }),
  route({
    method: 'GET',
    path: '/admin/v1/revocations',
    summary: 'Revocations, newest first',
    authentication: READERS,
    query: z.strictObject(pageQuery),
    answer: { status: 200, schema: listOf(revocationAnswer), description: 'Newest first' },
    handle: async ({ query, admin }) => {
      const page = toPage(query);
      const found = await broker.listRevocations(admin, onePast(page));
      return {
        status: 200,
        headers: NO_STORE,
        body: toList(found, page, ({ revocation }) => revocation.revocationId, toRevocationAnswer),
      };
    },
  }),
  route({
    method: 'GET',
    path: '/admin/v1/revocations/{id}',
    summary: 'One revocation',
    authentication: READERS,
    answer: { status: 200, schema: revocationAnswer, description: 'Its receipt, as it was given' },
    handle: async ({ params, admin }) => {
      const found = await broker.showRevocation(admin, params.id ?? '');
      return { status: 200, headers: NO_STORE, body: toRevocationAnswer(found) };
    },
  }),
  route({
    method: 'DELETE',
    path: '/admin/v1/revocations/{id}',
    summary: 'Lift a block; what was revoked stays dead',
    authentication: SECURITY,
    answer: { status: 204, description: 'The block has ended' },
    handle: async ({ params, admin }) => {
      await broker.lift(admin, params.id ?? '');
      return { status: 204 };
    },
  }),
];
