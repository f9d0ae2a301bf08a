import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { OAuthError } from '../../protocol/oauth-error.ts';
import { attachment } from '../grant.ts';
import { byteRange } from './byte-range.ts';
import type { ObjectFiles, ObjectMeta } from './object-files.ts';

export interface Delivery {
  readonly key: string;
  readonly fileName: string;
  readonly contentType: string | undefined;
}

const missing = (): OAuthError => new OAuthError('not_found', 'the object is not there');

/** A range of another version than `If-Range` names would splice two objects (RFC 9110 §13.1.5). */
const wantedRange = ({ headers }: IncomingMessage, { sha256, size }: ObjectMeta) => {
  const condition = headers['if-range'];
  const applies = condition === undefined || condition === `"${sha256}"`;
  return byteRange(applies ? headers.range : undefined, size);
};

/**
 * Streams one object, as an attachment a browser neither renders nor keeps.
 *
 * @throws OAuthError 404 or 416, before anything is sent; the stream's error when the client goes away.
 */
export const serve = async (
  request: IncomingMessage,
  response: ServerResponse,
  delivery: Delivery,
  files: ObjectFiles,
): Promise<void> => {
  const meta = await files.stat(delivery.key);
  if (meta === undefined) throw missing();

  const range = wantedRange(request, meta);
  if (range === 'none')
    throw new OAuthError('invalid_request', 'the object has no such bytes', {
      status: 416,
      headers: { 'Content-Range': `bytes */${meta.size}` },
    });
  const part = range === 'all' ? undefined : range;

  const body = await files.read(delivery.key, part);
  if (body === undefined) throw missing();
  response.writeHead(part ? 206 : 200, {
    'Content-Type': delivery.contentType ?? meta.contentType,
    'Content-Length': part ? part.end - part.start + 1 : meta.size,
    'Content-Disposition': attachment(delivery.fileName),
    'Content-Security-Policy': 'sandbox',
    'Accept-Ranges': 'bytes',
    ETag: `"${meta.sha256}"`,
    ...(part && { 'Content-Range': `bytes ${part.start}-${part.end}/${meta.size}` }),
  });
  await pipeline(body, response);
};
