import { z } from 'zod';
import type { createDeleteObject, createListObjects } from '../../broker/download/objects.ts';
import type { createRequestDownload } from '../../broker/download/request-download.ts';
import { NO_STORE } from '../reply.ts';
import { type Route, route } from '../route.ts';
import {
  downloadAnswer,
  downloadBody,
  objectItem,
  toDownloadAnswer,
  toDownloadRequest,
  toObjectItem,
} from '../wire/download.ts';
import { listOf, onePast, pageQuery, toList, toPage } from '../wire/page.ts';
import { text } from '../wire/text.ts';

export interface DownloadRoutes {
  readonly requestDownload: ReturnType<typeof createRequestDownload>;
  readonly listObjects: ReturnType<typeof createListObjects>;
  readonly deleteObject: ReturnType<typeof createDeleteObject>;
}

const objectsQuery = z.strictObject({
  resource: text(2048).optional(),
  prefix: text(4096).optional(),
  ...pageQuery,
});

export const downloadRoutes = (broker: DownloadRoutes): Route[] => [
  route({
    method: 'POST',
    path: '/request-download',
    summary: 'Ask for a download that works once, or a URL that works until it expires',
    authentication: 'token',
    isPaced: true,
    body: downloadBody,
    answer: { status: 201, schema: downloadAnswer, description: 'The URL, and what it guarantees' },
    handle: async ({ body, token, context }) => ({
      status: 201,
      headers: NO_STORE,
      body: toDownloadAnswer(await broker.requestDownload(token, toDownloadRequest(body), context)),
    }),
  }),
  route({
    method: 'GET',
    path: '/objects',
    summary: 'The available objects below a prefix',
    authentication: 'token',
    query: objectsQuery,
    answer: { status: 200, schema: listOf(objectItem), description: 'Oldest first' },
    handle: async ({ query, token, context }) => {
      const page = toPage(query);
      const asked = { resource: query.resource, prefix: query.prefix };
      const found = await broker.listObjects(token, asked, onePast(page), context);
      return {
        status: 200,
        headers: NO_STORE,
        body: toList(found, page, ({ objectId }) => objectId, toObjectItem),
      };
    },
  }),
  route({
    method: 'DELETE',
    path: '/objects/{objectId}',
    summary: 'Delete an object',
    authentication: 'token',
    answer: { status: 204, description: 'Nobody can read it any more' },
    handle: async ({ params, token, context }) => {
      await broker.deleteObject(token, params.objectId ?? '', context);
      return { status: 204 };
    },
  }),
];
