import type { createListKeys } from '../../broker/keys/list-keys.ts';
import type { createRevokeKey } from '../../broker/keys/revoke-key.ts';
import type { createRotateKeys } from '../../broker/keys/rotate-keys.ts';
import { NO_STORE } from '../reply.ts';
import { type Route, route } from '../route.ts';
import {
  keyList,
  keyRevocationAnswer,
  keyRevocationBody,
  rotationAnswer,
  rotationBody,
  toKeyList,
  toKeyRevocationAnswer,
  toRotationAnswer,
} from '../wire/keys.ts';

export interface KeyRoutes {
  readonly listKeys: ReturnType<typeof createListKeys>;
  readonly rotateKeys: ReturnType<typeof createRotateKeys>;
  readonly revokeKey: ReturnType<typeof createRevokeKey>;
}

const CHANGE = { roles: ['security', 'platform'], reach: 'deployment' } as const;
const EMERGENCY = { roles: ['security'], reach: 'deployment' } as const;
const READ = { roles: ['security', 'platform', 'auditor'], reach: 'deployment' } as const;

export const keyRoutes = (broker: KeyRoutes): Route[] => [
  route({
    method: 'GET',
    path: '/admin/v1/keys',
    summary:
      'Signing keys: which signs, which is next and when, which stay published and until when',
    authentication: READ,
    answer: { status: 200, schema: keyList, description: 'All keys, newest first' },
    handle: async ({ admin }) => ({
      status: 200,
      headers: NO_STORE,
      body: toKeyList(await broker.listKeys(admin)),
    }),
  }),
  route({
    method: 'POST',
    path: '/admin/v1/keys/rotate',
    summary: 'Sign with the next key of each algorithm, as soon as verifiers know it',
    authentication: CHANGE,
    body: rotationBody,
    isBodyOptional: true,
    answer: { status: 200, schema: rotationAnswer, description: 'What signs now, or from when' },
    handle: async ({ body, admin }) => ({
      status: 200,
      headers: NO_STORE,
      body: toRotationAnswer(await broker.rotateKeys(admin, body.now)),
    }),
  }),
  route({
    method: 'POST',
    path: '/admin/v1/keys/{kid}/revoke',
    summary: 'Emergency: take a key out of the key set, sign with another, and kill all it signed',
    authentication: EMERGENCY,
    body: keyRevocationBody,
    answer: {
      status: 200,
      schema: keyRevocationAnswer,
      description: 'The receipt, and the keys as they stand',
    },
    handle: async ({ params, body, admin }) => ({
      status: 200,
      headers: NO_STORE,
      body: toKeyRevocationAnswer(await broker.revokeKey(admin, params.kid ?? '', body.reason)),
    }),
  }),
];
