import { type ServerResponse, STATUS_CODES } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { OAuthError } from '../protocol/oauth-error.ts';

/** An answer before it is written: routes return one, and know nothing of sockets. */
export interface Reply {
  readonly status: number;
  /** JSON where it is a plain value; as it is where it is a string, bytes or a stream. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** What a page says in its own words: for the log. */
  readonly error?: OAuthError;
}

/** An answer that holds a credential, or says something of one, is for nobody's cache (RFC 6749 §5.1). */
export const NO_STORE = { 'Cache-Control': 'no-store', Pragma: 'no-cache' } as const;

/** Writes `reply` with `headers` of the pipeline beside its own. Rejects where the connection broke. */
export const writeReply = async (
  response: ServerResponse,
  method: string,
  { status, body, headers: own }: Reply,
  headers: Record<string, string>,
): Promise<void> => {
  Object.assign(headers, own);
  // The library has set one of its own while it answered, and what we write may be another status.
  response.statusMessage = STATUS_CODES[status] ?? '';
  if (body instanceof Readable) {
    response.writeHead(status, headers);
    if (method === 'HEAD') response.end();
    else await pipeline(body, response);
    return;
  }
  const content = toContent(body, headers);
  if (content !== undefined) {
    headers['Content-Length'] = String(Buffer.byteLength(content));
  } else if (status !== 204 && status !== 304) {
    headers['Content-Length'] = '0';
  }
  response.writeHead(status, headers);
  response.end(method === 'HEAD' ? undefined : content);
};

const toContent = (body: unknown, headers: Record<string, string>): string | Buffer | undefined => {
  if (body === undefined || body === null) return undefined;
  if (Buffer.isBuffer(body)) return body;
  if (typeof body === 'string') {
    headers['Content-Type'] ??= 'text/plain; charset=utf-8';
    return body;
  }
  headers['Content-Type'] ??= 'application/json; charset=utf-8';
  return JSON.stringify(body);
};
