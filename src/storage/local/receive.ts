import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { OAuthError } from '../../protocol/oauth-error.ts';
import type { ObjectFiles } from './object-files.ts';

/** What the signed URL of an upload says; the request has to say the same. */
export interface Receipt {
  readonly key: string;
  readonly size: number;
  readonly contentType: string;
  readonly sha256: string | undefined;
}

const refusal = (
  status: 400 | 411 | 412 | 413,
  field: string,
  rule: string,
  message: string,
  remedy: string,
): OAuthError =>
  new OAuthError(CODE[status], message, { status, violations: [{ field, rule, message, remedy }] });

const CODE = {
  400: 'invalid_request',
  411: 'invalid_request',
  412: 'conflict',
  413: 'payload_too_large',
} as const;

/** As S3 answers `If-None-Match: *`, which this store assumes of every upload. */
const taken = (): OAuthError =>
  refusal(412, 'url', 'no_overwrite', 'an upload URL writes once', 'request a new upload');

/** All that can be refused before a byte is read. */
const checkHeaders = ({ headers }: IncomingMessage, { size, contentType }: Receipt): void => {
  const length = headers['content-length'];
  // A chunked body has none; Node refuses one that has both.
  if (length === undefined)
    throw refusal(411, 'content-length', 'length_required', 'the length is missing', 'send it');
  const surplus = Number(length) - size;
  if (surplus !== 0)
    throw refusal(
      surplus > 0 ? 413 : 400,
      'content-length',
      'exact_size',
      `the body must have exactly ${size} bytes`,
      'request an upload of the right size',
    );
  if (headers['content-type'] !== contentType)
    throw refusal(
      400,
      'content-type',
      'exact_type',
      `the content type must be ${contentType}`,
      'send the headers that came with the URL',
    );
};

/** Writes the body to `path`, synced, and answers what it really was. */
const write = async (
  request: IncomingMessage,
  path: string,
): Promise<{ size: number; sha256: string }> => {
  const digest = createHash('sha256');
  let size = 0;
  await pipeline(
    request,
    async function* (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        size += chunk.length;
        digest.update(chunk);
        yield chunk;
      }
    },
    createWriteStream(path, { flags: 'wx', mode: 0o600, flush: true }),
  );
  return { size, sha256: digest.digest('hex') };
};

/**
 * Takes one upload in: whole, as signed, and only if nothing is there yet.
 *
 * @returns the SHA-256 of what was stored, hex.
 * @throws OAuthError 400, 411, 412 or 413; whatever the stream throws when the client goes away. In
 * either case nothing is left behind.
 */
export const receive = async (
  request: IncomingMessage,
  receipt: Receipt,
  files: ObjectFiles,
): Promise<string> => {
  checkHeaders(request, receipt);
  // Spares a body that would be refused; the rename below is what decides.
  if ((await files.stat(receipt.key)) !== undefined) throw taken();

  const staged = await files.stage();
  try {
    const { size, sha256 } = await write(request, staged.body);
    if (size !== receipt.size)
      throw refusal(400, 'body', 'exact_size', 'the body is not whole', 'send all of it');
    if (receipt.sha256 !== undefined && sha256 !== receipt.sha256)
      throw refusal(400, 'body', 'checksum', 'the SHA-256 differs', 'send the bytes you declared');
    const { key, contentType } = receipt;
    if (!(await files.publish(staged, key, { size, sha256, contentType }))) throw taken();
    return sha256;
  } finally {
    await files.discard(staged); // nothing is there after a rename
  }
};
