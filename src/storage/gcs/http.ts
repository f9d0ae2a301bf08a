import type { IncomingMessage } from 'node:http';
import http from 'node:http';
import https from 'node:https';
import { OAuthError, unavailable } from '../../protocol/oauth-error.ts';

/**
 * Calls with a bearer token. Not `fetch`, which would unpack what an uploader called gzip: inspection must
 * see the bytes as they are stored. Redirects are answers, never followed.
 */
export type Call = (operation: string, request: Request) => Promise<Response>;

export interface Request {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly json?: object;
  readonly xml?: string;
  /** Milliseconds of silence; 30,000 unless said. */
  readonly timeoutMs?: number;
}

export interface Response {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: IncomingMessage;
}

/** The `Authorization` header for a URL. */
export type Authorize = (url: string) => Promise<string>;

const IDLE_MS = 30_000;
/** An error or a description of one object: no more is read. */
const LONGEST_TEXT = 1024 * 1024;

const send = (request: Request, authorization: string): Promise<Response> =>
  new Promise((answered, failed) => {
    const { method, url, json, xml, timeoutMs = IDLE_MS } = request;
    const text = json === undefined ? xml : JSON.stringify(json);
    const { request: begin } = url.startsWith('https:') ? https : http;
    const outgoing = begin(
      url,
      {
        method,
        timeout: timeoutMs,
        headers: {
          authorization,
          // Stored bytes, not unpacked on the way.
          'accept-encoding': 'gzip',
          ...(json === undefined ? {} : { 'content-type': 'application/json' }),
          ...(xml === undefined ? {} : { 'content-type': 'application/xml' }),
          ...request.headers,
        },
      },
      (body) => answered({ status: body.statusCode ?? 0, headers: body.headers, body }),
    );
    outgoing.once('timeout', () => outgoing.destroy(new Error('no answer in time')));
    outgoing.once('error', failed);
    outgoing.end(text);
  });

/** Whatever keeps an answer from coming is an outage of the storage. */
export const createCall =
  (authorize: Authorize): Call =>
  async (operation, request) => {
    try {
      return await send(request, await authorize(request.url));
    } catch (error) {
      if (error instanceof OAuthError) throw error;
      const { code = 'unknown' } = error as { readonly code?: string };
      throw unavailable(`storage ${operation} failed: ${code}`, error);
    }
  };

/** The whole of a short answer. */
export const readText = async ({ body }: Response): Promise<string> => {
  let text = '';
  try {
    for await (const chunk of body.setEncoding('utf8')) {
      text += chunk;
      if (text.length > LONGEST_TEXT) break;
    }
  } catch (error) {
    throw unavailable('the answer of the storage broke off', error);
  }
  return text;
};
