import { z } from 'zod';
import type { GrantedParts, PartsRequest } from '../../broker/upload/request-parts.ts';
import type { GrantedUpload, UploadRequest } from '../../broker/upload/request-upload.ts';
import type { ObjectRecord } from '../../ledger/records.ts';
import { text } from './text.ts';

/** One media type: what is signed, and what the client must send. */
const MEDIA_TYPE =
  /^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}\/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}$/;

/** What S3 and Google keep as one object, which only parts can make. */
const LARGEST_IN_PARTS = 5 * 1024 ** 4;

/** `POST /request-upload`. */
export const uploadBody = z.strictObject({
  filename: text(1024),
  size: z.int().positive().max(LARGEST_IN_PARTS).meta({
    description: 'Bytes, exact; at most 5 GiB (5,000 MiB on Azure), in parts 5 TiB.',
  }),
  contentType: z.string().regex(MEDIA_TYPE, { error: 'must be type/subtype, without parameters' }),
  sha256: z
    .string()
    .regex(/^[0-9a-fA-F]{64}$/, { error: 'must be 64 hex digits' })
    .optional(),
  resource: text(2048).optional(),
  path: text(2048).optional().meta({ description: 'A folder below the prefix of the token.' }),
  ttl: z
    .int()
    .min(120)
    .max(900)
    .optional()
    .meta({ description: 'Seconds the URL lives; 300 by default.' }),
  multipart: z.boolean().default(false).meta({
    description: 'In parts, each with a URL of its own: `parts` comes in place of `uploadUrl`.',
  }),
});

export const toUploadRequest = (body: z.output<typeof uploadBody>): UploadRequest => ({
  filename: body.filename,
  size: body.size,
  contentType: body.contentType,
  sha256: body.sha256,
  resource: body.resource,
  path: body.path,
  ttl: body.ttl,
  multipart: body.multipart,
});

const part = z.object({
  partNumber: z.int(),
  size: z.int().meta({ description: 'Bytes of the file it takes, exact.' }),
  url: z.url(),
  headers: z.record(z.string(), z.string()),
});

export const uploadAnswer = z.object({
  uploadUrl: z.url().optional().meta({ description: 'Absent where the upload is in parts.' }),
  method: z.enum(['PUT', 'POST']),
  headers: z.record(z.string(), z.string()).meta({ description: 'To be sent as they are.' }),
  fields: z.record(z.string(), z.string()).optional(),
  partSize: z.int().optional().meta({ description: 'Bytes of every part but the last.' }),
  parts: z.array(part).optional(),
  objectId: z.string(),
  expiresAt: z.iso.datetime(),
  enforcement: z.array(z.object({ constraint: z.string(), by: z.enum(['storage', 'broker']) })),
});

export const toUploadAnswer = ({ upload, objectId, expiresAt }: GrantedUpload): object => ({
  ...('parts' in upload
    ? { method: 'PUT', headers: {}, partSize: upload.partSize, parts: upload.parts }
    : {
        uploadUrl: upload.url,
        method: upload.method,
        headers: upload.headers,
        ...(upload.fields && { fields: upload.fields }),
      }),
  objectId,
  expiresAt: expiresAt.toISOString(),
  enforcement: upload.enforcement,
});

/** `POST /uploads/{objectId}/parts`. */
export const partsBody = z.strictObject({
  partNumbers: z
    .array(z.int().positive())
    .min(1)
    .max(1_000)
    .optional()
    .meta({ description: 'Those that have not arrived, by default.' }),
  ttl: z
    .int()
    .min(120)
    .max(900)
    .optional()
    .meta({ description: 'Seconds the URLs live; 300 by default.' }),
});

export const toPartsRequest = (body: z.output<typeof partsBody>): PartsRequest => ({
  partNumbers: body.partNumbers,
  ttl: body.ttl,
});

export const partsAnswer = z.object({
  objectId: z.string(),
  partSize: z.int(),
  parts: z.array(part),
  arrived: z.array(z.object({ partNumber: z.int(), size: z.int() })),
  expiresAt: z.iso.datetime(),
});

export const toPartsAnswer = ({ arrived, expiresAt, ...granted }: GrantedParts): object => ({
  ...granted,
  arrived: arrived.map(({ partNumber, size }) => ({ partNumber, size })),
  expiresAt: expiresAt.toISOString(),
});

export const STATUSES = [
  'pending',
  'uploaded',
  'validating',
  'available',
  'rejected',
  'quarantined',
  'expired',
] as const;

const inspectionReport = z
  .object({
    checks: z.array(
      z.object({
        check: z.string(),
        outcome: z.enum(['passed', 'failed', 'waiting', 'skipped']),
        detail: z.string().optional(),
      }),
    ),
    violations: z.array(
      z.object({ field: z.string(), rule: z.string(), message: z.string(), remedy: z.string() }),
    ),
    inspectedAt: z.iso.datetime(),
  })
  .meta({ description: 'What inspection found, check by check; absent before the first.' });

export const uploadStatus = z.object({
  objectId: z.string(),
  status: z.enum(STATUSES),
  size: z.int(),
  contentType: z.string(),
  sha256: z.string().nullable(),
  reason: z.string().optional(),
  report: inspectionReport.optional(),
});

export const toUploadStatus = (object: ObjectRecord): object => ({
  objectId: object.objectId,
  // What its owner deleted was an upload that ended; the contract has no word of its own for it.
  status: object.status === 'deleted' ? 'expired' : object.status,
  size: object.size,
  contentType: object.contentType,
  sha256: object.sha256 ?? null,
  ...(object.status === 'deleted' ? { reason: 'deleted' } : {}),
  ...(object.reason === undefined ? {} : { reason: object.reason }),
  ...(object.report === undefined ? {} : { report: object.report }),
});

/** An upload as administrators see it. */
export const uploadItem = z.object({
  object_id: z.string(),
  status: z.enum(STATUSES),
  reason: z.string().nullable(),
  resource: z.string(),
  key: z.string(),
  file_name: z.string(),
  size: z.int(),
  content_type: z.string(),
  sha256: z.string().nullable(),
  tenant: z.string(),
  app_id: z.string(),
  user_id: z.string().nullable(),
  token_id: z.string(),
  created_at: z.iso.datetime(),
  settled_at: z.iso.datetime().nullable(),
  attempts: z.int().meta({ description: 'Inspections that had to be put off so far.' }),
  apart: z.boolean().meta({ description: 'Whether its bytes lie where nothing is read from.' }),
  report: inspectionReport.nullable(),
});

export const toUploadItem = (object: ObjectRecord): object => ({
  object_id: object.objectId,
  status: object.status === 'deleted' ? 'expired' : object.status,
  reason: object.status === 'deleted' ? 'deleted' : (object.reason ?? null),
  resource: `bucket:${object.bucketId}`,
  key: object.key,
  file_name: object.fileName,
  size: object.size,
  content_type: object.contentType,
  sha256: object.sha256 ?? null,
  tenant: object.tenantId,
  app_id: object.appId,
  user_id: object.userId ?? null,
  token_id: object.tokenId,
  created_at: object.createdAt.toISOString(),
  settled_at: object.settledAt?.toISOString() ?? null,
  attempts: object.attempts ?? 0,
  apart: object.apartAt !== undefined && object.status !== 'available',
  report: object.report ?? null,
});
