import { z } from 'zod';
import type { OverseeUploads } from '../../broker/upload/oversee-uploads.ts';
import { NO_STORE } from '../reply.ts';
import { type Route, route } from '../route.ts';
import { reason } from '../wire/admin.ts';
import { listOf, onePast, pageQuery, toList, toPage } from '../wire/page.ts';
import { identifier, text } from '../wire/text.ts';
import { STATUSES, toUploadItem, uploadItem } from '../wire/upload.ts';

export type UploadOversightRoutes = OverseeUploads;

const SECURITY = { roles: ['security'], reach: 'tenant' } as const;
const READERS = { roles: ['security', 'auditor'], reach: 'tenant' } as const;

/** What is done to an upload, and why: for the record. */
const why = z.strictObject({ reason: reason.optional() });

export const uploadOversightRoutes = (broker: UploadOversightRoutes): Route[] => [
  route({
    method: 'GET',
    path: '/admin/v1/uploads',
    summary: 'Uploads, newest first',
    authentication: READERS,
    query: z.strictObject({
      status: z.enum(STATUSES).optional(),
      bucket: text(63).optional().meta({ description: 'Its id.' }),
      app_id: identifier.optional(),
      user_id: identifier.optional(),
      ...pageQuery,
    }),
    answer: {
      status: 200,
      schema: listOf(uploadItem),
      description: 'Newest first; with what inspection found',
    },
    handle: async ({ query, admin }) => {
      const page = toPage(query);
      const { status, bucket: bucketId, app_id: appId, user_id: userId } = query;
      const filter = { status, bucketId, appId, userId };
      const found = await broker.listUploads(admin, filter, onePast(page));
      return {
        status: 200,
        headers: NO_STORE,
        body: toList(found, page, ({ objectId }) => objectId, toUploadItem),
      };
    },
  }),
  route({
    method: 'GET',
    path: '/admin/v1/uploads/{id}',
    summary: 'One upload, with what inspection found',
    authentication: READERS,
    answer: { status: 200, schema: uploadItem, description: 'Its record' },
    handle: async ({ params, admin }) => ({
      status: 200,
      headers: NO_STORE,
      body: toUploadItem(await broker.showUpload(admin, params.id ?? '')),
    }),
  }),
  route({
    method: 'POST',
    path: '/admin/v1/uploads/{id}/quarantine',
    summary: 'Take an available object out of every reader’s reach',
    authentication: SECURITY,
    body: why,
    isBodyOptional: true,
    answer: { status: 200, schema: uploadItem, description: 'Quarantined; its bytes are moved' },
    handle: async ({ params, body, admin }) => ({
      status: 200,
      headers: NO_STORE,
      body: toUploadItem(await broker.quarantineUpload(admin, params.id ?? '', body.reason)),
    }),
  }),
  route({
    method: 'POST',
    path: '/admin/v1/uploads/{id}/release',
    summary: 'Put a quarantined object back where it was, or was to be',
    authentication: SECURITY,
    body: why,
    isBodyOptional: true,
    answer: { status: 200, schema: uploadItem, description: 'Available, under the key it had' },
    handle: async ({ params, body, admin }) => ({
      status: 200,
      headers: NO_STORE,
      body: toUploadItem(await broker.releaseUpload(admin, params.id ?? '', body.reason)),
    }),
  }),
  route({
    method: 'DELETE',
    path: '/admin/v1/uploads/{id}',
    summary: 'Delete what was quarantined or rejected, for good',
    authentication: SECURITY,
    query: why,
    answer: { status: 204, description: 'Gone' },
    handle: async ({ params, query, admin }) => {
      await broker.deleteUpload(admin, params.id ?? '', query.reason);
      return { status: 204 };
    },
  }),
];
