import {
  createPublicKey,
  generateKeyPairSync,
  hash,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createParts, type Pauses } from './gcs-parts.ts';

/**
 * Google Cloud Storage as far as the broker uses it. No emulator verifies V4 signatures; this one does, with the
 * public key, and acts on what Google acts on: expiry, signed headers, content-length-range, generation-match.
 * Written from Google's documentation of the signing process, not from our signer.
 */
export interface GcsStandIn {
  readonly endpoint: string;
  /** A service account's key, as Google hands it out. */
  readonly serviceAccount: string;
  readonly account: string;
  readonly publicKey: KeyObject;
  /** How many signatures were asked of IAM. */
  readonly signed: () => number;
  /** Keys with uploads in parts that have not ended. */
  readonly unended: () => readonly string[];
  readonly before: Pauses;
  /** Google asks at each use of a URL what its signer may do: from now on, nothing. */
  disableAccount(): void;
  stop(): Promise<void>;
}

interface Stored {
  readonly bytes: Buffer;
  readonly generation: string;
  readonly contentType: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly timeCreated: string;
}

const ACCOUNT = 'daypass@acme-project.iam.gserviceaccount.com';

class Refusal extends Error {
  readonly status: number;
  constructor(status: number, code: string) {
    super(code);
    this.status = status;
  }
}

/** RFC 3986, as the documentation of canonical requests wants it. */
const encode = (text: string): string =>
  encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );

const epoch = (basic: string): number =>
  Date.parse(basic.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));

/** The signing process, read backwards. @throws Refusal */
export const mustBeSigned = (
  { method = '', url = '', headers }: Pick<IncomingMessage, 'method' | 'url' | 'headers'>,
  publicKey: KeyObject,
  now = Date.now(),
): void => {
  const [path = '', search = ''] = url.split('?', 2);
  const query = new URLSearchParams(search);
  const one = (name: string): string => {
    const values = query.getAll(name);
    if (values.length !== 1) throw new Refusal(403, `no ${name}`);
    return values[0] as string;
  };
  const [date, expires, credential] = [
    one('X-Goog-Date'),
    Number(one('X-Goog-Expires')),
    one('X-Goog-Credential'),
  ];
  const signature = one('X-Goog-Signature');
  const names = one('X-Goog-SignedHeaders').split(';');
  const scope = `${date.slice(0, 8)}/auto/storage/goog4_request`;
  if (one('X-Goog-Algorithm') !== 'GOOG4-RSA-SHA256') throw new Refusal(400, 'algorithm');
  if (credential !== `${ACCOUNT}/${scope}`) throw new Refusal(403, 'credential');
  if (!names.includes('host')) throw new Refusal(400, 'host is not signed');
  const unsigned = Object.keys(headers).find(
    (name) => name.startsWith('x-goog-') && !names.includes(name),
  );
  if (unsigned !== undefined) throw new Refusal(403, `${unsigned} is not signed`);

  query.delete('X-Goog-Signature');
  const canonicalQuery = [...query]
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .sort()
    .join('&');
  const lines = names.map((name) => {
    const value = headers[name];
    if (value === undefined) throw new Refusal(403, `${name} is missing`);
    return `${name}:${String(value).trim().replace(/\s+/g, ' ')}\n`;
  });
  const canonical = [
    method,
    path
      .split('/')
      .map((segment) => encode(decodeURIComponent(segment)))
      .join('/'),
    canonicalQuery,
    lines.join(''),
    names.join(';'),
    'UNSIGNED-PAYLOAD',
  ].join('\n');
  const text = `GOOG4-RSA-SHA256\n${date}\n${scope}\n${hash('sha256', canonical)}`;
  if (!/^[0-9a-f]+$/.test(signature)) throw new Refusal(403, 'SignatureDoesNotMatch');
  if (!verify('sha256', Buffer.from(text), publicKey, Buffer.from(signature, 'hex')))
    throw new Refusal(403, 'SignatureDoesNotMatch');
  if (!(expires > 0 && expires <= 604_800)) throw new Refusal(400, 'expires');
  if (now > epoch(date) + expires * 1000) throw new Refusal(403, 'ExpiredToken');
  if (epoch(date) - now > 900_000) throw new Refusal(403, 'NotYet');
};

const readAll = async (request: IncomingMessage): Promise<Buffer> =>
  Buffer.concat(await request.toArray());

/** What the signed header says of the length. */
const mustBeInRange = ({ headers }: IncomingMessage): void => {
  const length = headers['content-length'];
  const range = /^(\d+),(\d+)$/.exec(String(headers['x-goog-content-length-range'] ?? ''));
  if (length === undefined) throw new Refusal(411, 'MissingContentLength');
  if (range && Number(length) < Number(range[1])) throw new Refusal(400, 'EntityTooSmall');
  if (range && Number(length) > Number(range[2])) throw new Refusal(400, 'EntityTooLarge');
};

const createBucket = (publicKey: KeyObject, privateKey: KeyObject) => {
  const objects = new Map<string, Stored>();
  const rewrites = new Set<string>();
  let lastGeneration = Date.now() * 1000;
  let signatures = 0;
  let isDisabled = false;

  const put = (key: string, bytes: Buffer, contentType: string, metadata = {}): Stored => {
    lastGeneration += 1;
    const generation = String(lastGeneration);
    const timeCreated = new Date().toISOString();
    const stored = { bytes, contentType, metadata, generation, timeCreated };
    objects.set(key, stored);
    return stored;
  };

  const found = (key: string): Stored => {
    const object = objects.get(key);
    if (!object) throw new Refusal(404, `No such object: ${key}`);
    return object;
  };

  const sendBytes = (
    request: IncomingMessage,
    response: ServerResponse,
    { bytes, contentType, metadata }: Stored,
    more: Record<string, string> = {},
  ): void => {
    const { cacheControl, contentDisposition } = metadata as Record<string, string | undefined>;
    const headers = {
      'content-type': contentType,
      ...(cacheControl === undefined ? {} : { 'cache-control': cacheControl }),
      ...(contentDisposition === undefined ? {} : { 'content-disposition': contentDisposition }),
      ...more,
    };
    const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
    const start = Number(range?.[1] ?? 0);
    const end = Math.min(Number(range?.[2] || bytes.length - 1), bytes.length - 1);
    if (range && start >= bytes.length) throw new Refusal(416, 'InvalidRange');
    const body = bytes.subarray(start, end + 1);
    const contentRange = range && { 'content-range': `bytes ${start}-${end}/${bytes.length}` };
    response.writeHead(range ? 206 : 200, {
      ...headers,
      ...contentRange,
      'content-length': body.length,
    });
    response.end(body);
  };

  /** The XML API, by signed URLs. */
  const signedUrl = async (
    request: IncomingMessage,
    response: ServerResponse,
    key: string,
    query: URLSearchParams,
  ): Promise<void> => {
    mustBeSigned(request, publicKey);
    if (isDisabled) throw new Refusal(403, 'AccessDenied');
    if (request.method === 'GET') {
      const as = (name: string, header: string) => {
        const value = query.get(name);
        return value === null ? {} : { [header]: value };
      };
      const wanted = query.get('generation');
      if (wanted !== null && wanted !== found(key).generation)
        throw new Refusal(404, `No such object: ${key}`);
      return sendBytes(request, response, found(key), {
        ...as('response-content-disposition', 'content-disposition'),
        ...as('response-content-type', 'content-type'),
      });
    }
    if (request.method !== 'PUT') throw new Refusal(405, 'MethodNotAllowed');
    mustBeInRange(request);
    const bytes = await readAll(request);
    const isNew = request.headers['x-goog-if-generation-match'] === '0';
    if (isNew && objects.has(key)) throw new Refusal(412, 'PreconditionFailed');
    put(key, bytes, request.headers['content-type'] ?? 'application/octet-stream');
    response.writeHead(200).end();
  };

  /** A self-signed JWT, as service accounts use it. */
  const mustBeAuthorized = ({ headers }: IncomingMessage): void => {
    const [head, payload, signature] = (headers.authorization ?? '')
      .replace(/^Bearer /, '')
      .split('.');
    const text = Buffer.from(`${head}.${payload}`);
    const ok = verify('sha256', text, publicKey, Buffer.from(signature ?? '', 'base64url'));
    const claims = ok ? JSON.parse(Buffer.from(payload ?? '', 'base64url').toString()) : {};
    if (claims.iss !== ACCOUNT || claims.exp * 1000 < Date.now())
      throw new Refusal(401, 'authError');
  };

  const json = (response: ServerResponse, value: object): void => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));
  };

  /** Long copies take several calls: here every one takes two. */
  const rewrite = async (
    request: IncomingMessage,
    response: ServerResponse,
    [from, to]: readonly [string, string],
    query: URLSearchParams,
  ): Promise<void> => {
    const { contentType, ...metadata } = JSON.parse((await readAll(request)).toString() || '{}');
    const source = found(from);
    if (source.generation !== query.get('ifSourceGenerationMatch'))
      throw new Refusal(412, 'conditionNotMet');
    const token = `${from} ${to} ${source.generation}`;
    if (query.get('rewriteToken') !== token) {
      rewrites.add(token);
      return json(response, { done: false, rewriteToken: token });
    }
    if (!rewrites.delete(token)) throw new Refusal(400, 'invalid rewriteToken');
    put(to, source.bytes, contentType ?? source.contentType, metadata);
    json(response, { done: true });
  };

  const jsonApi = async (
    request: IncomingMessage,
    response: ServerResponse,
    path: string,
    query: URLSearchParams,
  ): Promise<void> => {
    mustBeAuthorized(request);
    const parts = path.split('/').map(decodeURIComponent);
    const key = parts[0] ?? '';
    if (request.method === 'POST' && parts[1] === 'rewriteTo')
      return rewrite(request, response, [key, parts[5] ?? ''], query);
    const object = found(key);
    if (request.method === 'DELETE') {
      objects.delete(key);
      return void response.writeHead(204).end();
    }
    const { bytes, generation, contentType } = object;
    const wanted = query.get('ifGenerationMatch');
    if (wanted !== null && wanted !== generation) throw new Refusal(412, 'conditionNotMet');
    if (query.get('alt') === 'media') return sendBytes(request, response, object);
    json(response, { size: String(bytes.length), generation, contentType });
  };

  /** Google may answer with less than was asked for: here three at most. */
  const list = (request: IncomingMessage, response: ServerResponse, query: URLSearchParams) => {
    mustBeAuthorized(request);
    const after = query.get('pageToken') ?? '';
    const all = [...objects].filter(([key]) => key.startsWith(query.get('prefix') ?? ''));
    const rest = all.filter(([key]) => key > after).sort(([a], [b]) => (a < b ? -1 : 1));
    const page = rest.slice(0, Math.min(3, Number(query.get('maxResults') ?? 1000)));
    const last = rest.length > page.length ? page.at(-1)?.[0] : undefined;
    json(response, {
      ...(page.length > 0 && {
        items: page.map(([name, { timeCreated }]) => ({ name, timeCreated })),
      }),
      ...(last !== undefined && { nextPageToken: last }),
    });
  };

  const signBlob = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { payload } = JSON.parse((await readAll(request)).toString());
    signatures += 1;
    const signature = sign('sha256', Buffer.from(payload, 'base64'), privateKey);
    json(response, { keyId: 'key', signedBlob: signature.toString('base64') });
  };

  const parts = createParts({
    mustBeAuthorized,
    mustBeSigned: (request) => mustBeSigned(request, publicKey),
    mustBeInRange,
    put,
    refusal: (status, code) => new Refusal(status, code),
  });

  return {
    signed: () => signatures,
    unended: parts.unended,
    before: parts.before,
    disableAccount: () => {
      isDisabled = true;
    },
    answer: async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
      const [path = '', search = ''] = (request.url ?? '').split('?', 2);
      const query = new URLSearchParams(search);
      const api = '/storage/v1/b/acme-project-123/o/';
      const place = '/acme-project-123/';
      if (path.endsWith(':signBlob')) return signBlob(request, response);
      if (path.startsWith(api)) return jsonApi(request, response, path.slice(api.length), query);
      if (path === api.slice(0, -1) && request.method === 'GET')
        return list(request, response, query);
      if (path.startsWith('/storage/v1/'))
        throw new Refusal(404, 'The specified bucket does not exist.');
      if (path === place.slice(0, -1) && query.has('uploads'))
        return parts.listUploads(request, response, query.get('prefix') ?? '');
      if (!path.startsWith(place)) throw new Refusal(403, 'AccessDenied');
      const key = decodeURIComponent(path.slice(place.length));
      if (parts.isMeant(query)) return parts.answer(request, response, key, query);
      return signedUrl(request, response, key, query);
    },
  };
};

export const startGcsStandIn = async (): Promise<GcsStandIn> => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const publicKey = createPublicKey(privateKey);
  const bucket = createBucket(publicKey, privateKey);
  const server = createServer((request, response) => {
    bucket.answer(request, response).catch((error: unknown) => {
      const { status = 500, message } = error as Refusal;
      request.resume();
      if (!response.headersSent) response.writeHead(status);
      response.end(
        request.url?.startsWith('/storage/v1/')
          ? JSON.stringify({ error: { code: status, message } })
          : `<?xml version='1.0' encoding='UTF-8'?><Error><Code>${message}</Code></Error>`,
      );
    });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    account: ACCOUNT,
    publicKey,
    serviceAccount: JSON.stringify({
      type: 'service_account',
      client_email: ACCOUNT,
      private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
    }),
    signed: bucket.signed,
    unended: bucket.unended,
    before: bucket.before,
    disableAccount: bucket.disableAccount,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
};
