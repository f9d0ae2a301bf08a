import { randomUUID } from 'node:crypto';
import {
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http';
import type { Duplex } from 'node:stream';
import { OAuthError } from '../protocol/oauth-error.ts';
import { toReply } from './refusal.ts';

/**
 * Refuses what is no HTTP, in the shape of every other refusal: a parser that gives up has no request to hand on,
 * and would say so in words of its own.
 */
export const refuseBrokenRequests = (server: Server): void => {
  const latest = new WeakMap<Duplex, ServerResponse>();
  server.prependListener('request', ({ socket }, response) => latest.set(socket, response));
  server.on('clientError', ({ code = '' }: NodeJS.ErrnoException, socket: Duplex) => {
    const begun = latest.get(socket);
    // Behind half an answer, or a whole one to the same request, another would be taken for something else: a cut
    // connection is the only honest end.
    const isAnswered = begun?.headersSent && !(begun.writableFinished && begun.req.complete);
    if (isAnswered || !socket.writable) socket.destroy();
    else endWith(socket, refused(BROKEN[code] ?? MALFORMED));
  });
  server.on('connect', (_: IncomingMessage, socket: Duplex) => endWith(socket, refused(TUNNEL)));
  // RFC 9110 §10.1.1: whoever expects what we do not know is answered all the same.
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) =>
    server.emit('request', request, response),
  );
};

/** RFC 9112 §3.2: a request of HTTP/1.1 says whom it is for. Takes a server that leaves that to us (`requireHostHeader`). */
export const mustNameHost =
  (handler: RequestListener): RequestListener =>
  (request, response) => {
    const { headers, httpVersionMinor } = request;
    if (headers.host !== undefined || httpVersionMinor === 0) return handler(request, response);
    const { status, fields, content } = refused(NO_HOST);
    response.writeHead(status, fields).end(request.method === 'HEAD' ? undefined : content);
  };

interface Broken {
  readonly status?: number;
  readonly rule: string;
  readonly message: string;
  readonly remedy: string;
}

const MALFORMED: Broken = {
  rule: 'http',
  message: 'this is not a request of HTTP/1.1 (RFC 9112)',
  remedy: 'send it with an HTTP client',
};
const TUNNEL: Broken = {
  rule: 'connect',
  message: 'nothing is reached through this server',
  remedy: 'send the request here, not by CONNECT',
};
const NO_HOST: Broken = {
  rule: 'host',
  message: 'the request has no Host header (RFC 9112 §3.2)',
  remedy: 'send one, with the name this server is known by',
};
/** By the parser's own codes. */
const BROKEN: Readonly<Record<string, Broken>> = {
  HPE_HEADER_OVERFLOW: {
    status: 431, // RFC 6585 §5
    rule: 'max_size',
    message: 'the header fields are larger than 24 KiB',
    remedy: 'send fewer, or shorter ones',
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: 408,
    rule: 'in_time',
    message: 'the request was not there in time',
    remedy: 'send it again, faster',
  },
};

const refused = ({ status = 400, ...violation }: Broken) => {
  const requestId = randomUUID();
  const error = new OAuthError('invalid_request', violation.message, {
    status,
    violations: [{ field: 'request', ...violation }],
  });
  const { headers, body } = toReply(error, requestId);
  const content = JSON.stringify(body);
  const fields = {
    ...headers,
    'X-Request-Id': requestId,
    'X-Content-Type-Options': 'nosniff',
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': String(Buffer.byteLength(content)),
    Connection: 'close',
  };
  return { status, fields, content };
};

const endWith = (socket: Duplex, { status, fields, content }: ReturnType<typeof refused>): void => {
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n`;
  socket.end(head + content, () => socket.destroy());
};
