import { z } from 'zod';
import type { createReceiveEvents, Delivery } from '../../broker/events/receive-events.ts';
import { NO_STORE } from '../reply.ts';
import { type Input, type Route, route } from '../route.ts';

export type EventRoutes = ReturnType<typeof createReceiveEvents>;

/** Shapes are the clouds' own, and read once their sender is proven. */
const s3Body = z.looseObject({});
const pushBody = z.looseObject({});
const gridBody = z.union([z.looseObject({}), z.array(z.looseObject({})).max(5_000)]);

const PROOF =
  'An event is a wake-up: the storage is asked, with our own credentials, whether the object is there. The sender is proven by what `events` of the bucket says (docs/storage.md#events).';

const deliveryOf = ({ body, header }: Input<object, undefined>): Delivery => ({
  body,
  authorization: header('authorization'),
  secret: header('x-daypass-event-secret'),
});

/** For the clouds. */
export const eventRoutes = (broker: EventRoutes): Route[] => [
  route({
    method: 'POST',
    path: '/events/s3',
    summary: 'An object has arrived: SNS, EventBridge or an S3-compatible server says so',
    description: `${PROOF} Of SNS, version 1 and 2 of the signature; a subscription to a topic that the configuration names is confirmed by itself.`,
    authentication: 'none',
    encoding: 'event',
    body: s3Body,
    answer: { status: 200, description: 'Heard' },
    handle: async (input) => {
      await broker.receiveS3Events(deliveryOf(input));
      return { status: 200, headers: NO_STORE };
    },
  }),
  route({
    method: 'POST',
    path: '/events/gcs',
    summary: 'An object has arrived: Pub/Sub says so',
    description: PROOF,
    authentication: 'none',
    encoding: 'event',
    body: pushBody,
    answer: { status: 200, description: 'Heard' },
    handle: async (input) => {
      await broker.receiveGcsEvents(deliveryOf(input));
      return { status: 200, headers: NO_STORE };
    },
  }),
  route({
    method: 'POST',
    path: '/events/azure',
    summary: 'A blob has arrived: Event Grid says so',
    description: `${PROOF} Event Grid's own schema and CloudEvents 1.0; the validation of a subscription is answered.`,
    authentication: 'none',
    encoding: 'event',
    body: gridBody,
    answer: {
      status: 200,
      schema: z.object({ validationResponse: z.string().optional() }),
      description: 'Heard',
    },
    handle: async (input) => {
      const validationResponse = await broker.receiveAzureEvents(deliveryOf(input));
      return { status: 200, headers: NO_STORE, body: { validationResponse } };
    },
  }),
  route({
    method: 'OPTIONS',
    path: '/events/azure',
    summary: 'CloudEvents asks whether Event Grid may send events here',
    authentication: 'none',
    answer: { status: 200, description: '`WebHook-Allowed-Origin`, where it may' },
    handle: async ({ header }) => {
      const origin = header('webhook-request-origin');
      const allowed = broker.mayDeliver(origin)
        ? { 'WebHook-Allowed-Origin': origin, 'WebHook-Allowed-Rate': '*' }
        : {};
      return { status: 200, headers: { ...NO_STORE, ...allowed } };
    },
  }),
];
