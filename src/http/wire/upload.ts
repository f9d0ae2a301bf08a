import { z } from 'zod';
import type { GrantedUpload, UploadRequest } from '../../broker/upload/request-upload.ts';
import type { ObjectRecord } from '../../ledger/records.ts';
import { text } from './text.ts';

/** One media type: what is signed, and what the client must send. */
const MEDIA_TYPE =
  /^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}\/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}$/;

/** What one PUT may carry (S3: 5 GiB). Larger ones would be recorded and then not signed. */
const LARGEST = 5 * 1024 ** 3;

/** `POST /request-upload`. */
export const uploadBody = z.strictObject({
  filename: text(1024),
  size: z.int().positive().max(LARGEST).meta({ description: 'Bytes, exact; at most 5 GiB.' }),
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
});

export const toUploadRequest = (body: z.output<typeof uploadBody>): UploadRequest => ({
  filename: body.filename,
  size: body.size,
  contentType: body.contentType,
  sha256: body.sha256,
  resource: body.resource,
  path: body.path,
  ttl: body.ttl,
});

export const uploadAnswer = z.object({
  uploadUrl: z.url(),
  method: z.enum(['PUT', 'POST']),
  headers: z.record(z.string(), z.string()).meta({ description: 'To be sent as they are.' }),
  fields: z.record(z.string(), z.string()).optional(),
  objectId: z.string(),
  expiresAt: z.iso.datetime(),
  enforcement: z.array(z.object({ constraint: z.string(), by: z.enum(['storage', 'broker']) })),
});

export const toUploadAnswer = ({ upload, objectId, expiresAt }: GrantedUpload): object => ({
  uploadUrl: upload.url,
  method: upload.method,
  headers: upload.headers,
  ...(upload.fields && { fields: upload.fields }),
  objectId,
  expiresAt: expiresAt.toISOString(),
  enforcement: upload.enforcement,
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

export const uploadStatus = z.object({
  objectId: z.string(),
  status: z.enum(STATUSES),
  size: z.int(),
  contentType: z.string(),
  sha256: z.string().nullable(),
  reason: z.string().optional(),
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
});
