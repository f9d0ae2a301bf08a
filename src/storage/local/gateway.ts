import type { IncomingMessage, ServerResponse } from 'node:http';
import { OAuthError, unavailable } from '../../protocol/oauth-error.ts';
import type { LocalStore } from './local-store.ts';
import { receive } from './receive.ts';
import { serve } from './serve.ts';
import type { VerifiedTarget } from './signed-target.ts';

export interface LocalGatewayOptions {
  /** The store of a bucket id, or undefined. */
  readonly stores: (bucketId: string) => LocalStore | undefined;
  /** Where it is mounted: the path of the stores' `baseUrl`. */
  readonly basePath?: string;
}

/** Answers one request, whatever happens; the promise never rejects. */
export type LocalGateway = (
  request: IncomingMessage,
  response: ServerResponse,
  now: Date,
) => Promise<void>;

/** The URL is the whole authority and no cookie is read, so any page that has it may use it. */
const COMMON_HEADERS = {
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Expose-Headers': 'ETag, Content-Range, Accept-Ranges, Content-Disposition',
  'Cache-Control': 'no-store',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
} as const;

const PREFLIGHT_HEADERS = {
  'Access-Control-Allow-Methods': 'GET, PUT',
  'Access-Control-Allow-Headers': 'Content-Type, If-None-Match, If-Range, Range',
  'Access-Control-Max-Age': '600',
} as const;

/** A refused body up to this size is read and dropped, so that the client gets to read the answer. */
const DRAINED = 1024 * 1024;

/** An unknown bucket, a changed URL and another method read alike. */
const forbidden = (): OAuthError =>
  new OAuthError('access_denied', 'the URL is not one we signed for this method', {
    violations: [
      {
        field: 'url',
        rule: 'signature',
        message: 'the URL is not one we signed for this method',
        remedy: 'use the URL as it was given, with the method it was given for',
      },
    ],
  });

const expired = (): OAuthError =>
  new OAuthError('access_denied', 'the URL has expired', {
    violations: [
      {
        field: 'url',
        rule: 'expiry',
        message: 'the URL has expired',
        remedy: 'request a new one',
      },
    ],
  });

/** Answers the local store's signed URLs on the content origin, as S3 would. */
export const createLocalGateway = ({
  stores,
  basePath = '/local',
}: LocalGatewayOptions): LocalGateway => {
  /** Signature first: only who holds a genuine URL learns that it has expired. */
  const authorize = (request: IncomingMessage, now: Date): [LocalStore, VerifiedTarget] => {
    const url = request.url ?? '';
    if (!url.startsWith(`${basePath}/`)) throw forbidden();
    const target = url.slice(basePath.length);
    const store = stores(target.slice(1, target.indexOf('/', 1)));
    const verified = store?.signer.verify(request.method ?? '', target);
    if (store === undefined || verified === undefined) throw forbidden();
    if (!(now.getTime() < Number(verified.parameters.get('expires')) * 1000)) throw expired();
    return [store, verified];
  };

  const answer: LocalGateway = async (request, response, now) => {
    if (request.method === 'OPTIONS') {
      response.writeHead(204, PREFLIGHT_HEADERS).end();
      return;
    }
    const [{ files }, { key, parameters }] = authorize(request, now);
    const optional = (name: string): string | undefined => parameters.get(name) ?? undefined;
    if (request.method === 'PUT') {
      const receipt = {
        key,
        size: Number(parameters.get('size')),
        contentType: parameters.get('type') ?? '',
        sha256: optional('sha256'),
      };
      const sha256 = await receive(request, receipt, files);
      response.writeHead(200, { ETag: `"${sha256}"`, 'Content-Length': 0 }).end();
      return;
    }
    const delivery = { key, fileName: parameters.get('name') ?? '', contentType: optional('type') };
    await serve(request, response, delivery, files);
  };

  return async (request, response, now) => {
    for (const [name, value] of Object.entries(COMMON_HEADERS)) response.setHeader(name, value);
    try {
      await answer(request, response, now);
    } catch (error) {
      refuse(request, response, error);
    }
  };
};

const refuse = (request: IncomingMessage, response: ServerResponse, error: unknown): void => {
  // Nobody is listening, or half an object is out: a cut connection is the only honest end.
  if (response.headersSent || response.destroyed || request.errored) {
    response.destroy();
    return;
  }
  const refusal =
    error instanceof OAuthError ? error : unavailable('the local gateway failed', error);
  const body = JSON.stringify({
    error: refusal.code,
    error_description: refusal.message,
    violations: refusal.violations,
    ...requestId(response),
  });
  const drained = Number(request.headers['content-length'] ?? Number.NaN) <= DRAINED;
  response.writeHead(refusal.status, {
    ...refusal.headers,
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(body),
    ...(request.method === 'PUT' && !drained ? { Connection: 'close' } : {}),
  });
  response.end(body);
  if (drained) request.resume();
};

/** Whoever mounts the gateway names its requests. */
const requestId = (response: ServerResponse): { request_id?: string } => {
  const id = response.getHeader('X-Request-Id');
  return typeof id === 'string' ? { request_id: id } : {};
};
