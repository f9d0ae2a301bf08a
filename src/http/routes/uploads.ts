import type {
  createCompleteUpload,
  createUploadStatus,
} from '../../broker/upload/complete-upload.ts';
import type { createRequestParts } from '../../broker/upload/request-parts.ts';
import type { createRequestUpload } from '../../broker/upload/request-upload.ts';
import { NO_STORE } from '../reply.ts';
import { type Route, route } from '../route.ts';
import {
  partsAnswer,
  partsBody,
  toPartsAnswer,
  toPartsRequest,
  toUploadAnswer,
  toUploadRequest,
  toUploadStatus,
  uploadAnswer,
  uploadBody,
  uploadStatus,
} from '../wire/upload.ts';

export interface UploadRoutes {
  readonly requestUpload: ReturnType<typeof createRequestUpload>;
  readonly requestParts: ReturnType<typeof createRequestParts>;
  readonly uploadStatus: ReturnType<typeof createUploadStatus>;
  readonly completeUpload: ReturnType<typeof createCompleteUpload>;
}

export const uploadRoutes = (broker: UploadRoutes): Route[] => [
  route({
    method: 'POST',
    path: '/request-upload',
    summary: 'Ask for one presigned URL, for one object',
    authentication: 'token',
    isPaced: true,
    body: uploadBody,
    answer: {
      status: 201,
      schema: uploadAnswer,
      description: 'PUT the file there, with these headers',
    },
    handle: async ({ body, token, context }) => ({
      status: 201,
      headers: NO_STORE,
      body: toUploadAnswer(await broker.requestUpload(token, toUploadRequest(body), context)),
    }),
  }),
  route({
    method: 'POST',
    path: '/uploads/{objectId}/parts',
    summary: 'Ask for fresh URLs for parts of an upload that is under way',
    authentication: 'token',
    body: partsBody,
    isBodyOptional: true,
    answer: { status: 201, schema: partsAnswer, description: 'PUT each part to its URL' },
    handle: async ({ params, body, token, context }) => ({
      status: 201,
      headers: NO_STORE,
      body: toPartsAnswer(
        await broker.requestParts(token, params.objectId ?? '', toPartsRequest(body), context),
      ),
    }),
  }),
  route({
    method: 'GET',
    path: '/uploads/{objectId}',
    summary: 'What became of an upload',
    authentication: 'token',
    answer: {
      status: 200,
      schema: uploadStatus,
      description: 'Its status; readable by others once available',
    },
    handle: async ({ params, token, context }) => ({
      status: 200,
      headers: NO_STORE,
      body: toUploadStatus(await broker.uploadStatus(token, params.objectId ?? '', context)),
    }),
  }),
  route({
    method: 'POST',
    path: '/uploads/{objectId}/complete',
    summary: 'Say that the bytes are there, to have them validated now',
    authentication: 'token',
    answer: { status: 202, schema: uploadStatus, description: 'Validation follows' },
    handle: async ({ params, token, context }) => ({
      status: 202,
      headers: NO_STORE,
      body: toUploadStatus(await broker.completeUpload(token, params.objectId ?? '', context)),
    }),
  }),
];
