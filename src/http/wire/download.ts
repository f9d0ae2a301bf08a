import { z } from 'zod';
import type { DownloadRequest, GrantedDownload } from '../../broker/download/request-download.ts';
import type { ObjectRecord } from '../../ledger/records.ts';
import { text } from './text.ts';

/** `POST /request-download`. */
export const downloadBody = z
  .strictObject({
    objectId: text(128).optional(),
    resource: text(2048).optional(),
    path: text(2048)
      .optional()
      .meta({ description: 'The key of the object, where its id is not at hand.' }),
    once: z.boolean().default(true),
    delivery: z.enum(['proxy', 'redirect']).default('proxy'),
    ttl: z.int().min(60).max(300).optional().meta({ description: 'Seconds; 300 by default.' }),
  })
  .refine(({ objectId, path }) => (objectId === undefined) !== (path === undefined), {
    path: ['objectId'],
    message: 'name the object, by objectId or by path',
    params: { rule: 'one_of', remedy: 'give objectId, or resource and path' },
  });

export const toDownloadRequest = (body: z.output<typeof downloadBody>): DownloadRequest => ({
  objectId: body.objectId,
  resource: body.resource,
  path: body.path,
  once: body.once,
  delivery: body.delivery,
  ttl: body.ttl,
});

export const downloadAnswer = z.object({
  downloadUrl: z.url(),
  expiresAt: z.iso.datetime(),
  once: z.boolean(),
  guarantee: z.enum(['single_use', 'single_issue', 'expires']),
});

export const toDownloadAnswer = ({ url, expiresAt, once, guarantee }: GrantedDownload): object => ({
  downloadUrl: url,
  expiresAt: expiresAt.toISOString(),
  once,
  guarantee,
});

export const objectItem = z.object({
  objectId: z.string(),
  key: z.string(),
  size: z.int(),
  contentType: z.string(),
  createdAt: z.iso.datetime(),
});

export const toObjectItem = (object: ObjectRecord): object => ({
  objectId: object.objectId,
  key: object.key,
  size: object.size,
  contentType: object.contentType,
  createdAt: object.createdAt.toISOString(),
});
