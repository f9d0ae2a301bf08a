import { randomUUID } from 'node:crypto';
import { request } from 'node:http';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { S3Store } from '../../src/storage/s3/s3-store.ts';
import { bucketOnCeph } from './gateway.ts';

const body = 'exactly twenty bytes';
const page = '<script>alert(1)</script>';

type Sent = { status: number; code: string | undefined };
type Change = {
  url?: (url: string) => string;
  method?: string;
  headers?: Record<string, string>;
  /** A header to leave out. */
  without?: string;
  body?: string;
  /** When it was signed. */
  at?: Date;
};

/** Over node:http, which sends exactly the headers it is given. */
const send = (url: string, method: string, headers: Record<string, string>, body: string) =>
  new Promise<Sent>((resolve, reject) => {
    const outgoing = request(url, { method, headers }, async (response) => {
      const text = Buffer.concat(await response.toArray()).toString();
      resolve({ status: response.statusCode ?? 0, code: /<Code>(\w+)<\/Code>/.exec(text)?.[1] });
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });

describe('a presigned PUT, at a real gateway', () => {
  let store: S3Store;
  beforeAll(async () => {
    store = await bucketOnCeph();
  });

  const freshKey = (): string => `staging/${randomUUID()}/where2eat/menu.png`;
  const put = async (key: string, change: Change = {}): Promise<Sent> => {
    const grant = { key, size: 20, contentType: 'image/png', expiresIn: 300 };
    const upload = store.presignPut(grant, change.at ?? new Date());
    const content = change.body ?? body;
    const headers: Record<string, string> = {
      'content-length': String(content.length),
      ...upload.headers,
      ...change.headers,
    };
    if (change.without) delete headers[change.without];
    const url = change.url?.(upload.url) ?? upload.url;
    return send(url, change.method ?? 'PUT', headers, content);
  };

  it('stores what was granted', async () => {
    const key = freshKey();
    expect(await put(key)).toEqual({ status: 200, code: undefined });
    expect(await store.head(key)).toMatchObject({ size: 20, contentType: 'image/png' });
  });

  const query = (from: RegExp, to: string) => (url: string) => url.replace(from, to);
  const minutesAgo = (minutes: number): Date => new Date(Date.now() - minutes * 60_000);

  it.each<[string, Change]>([
    ['a longer body', { body: `${body}!` }],
    ['a shorter body', { body: body.slice(1) }],
    ['an empty body', { body: '' }],
    [
      'a body without a length',
      { without: 'content-length', headers: { 'transfer-encoding': 'chunked' } },
    ],
    ['another content type', { headers: { 'content-type': 'text/html' }, body: page.slice(0, 20) }],
    ['no content type', { without: 'content-type' }],
    ['no precondition', { without: 'if-none-match' }],
    ['another precondition', { headers: { 'if-none-match': '"x"' } }],
    ['an expired URL', { at: minutesAgo(6) }],
    [
      'an expired URL with a longer life',
      { url: query(/X-Amz-Expires=300/, 'X-Amz-Expires=86400'), at: minutesAgo(6) },
    ],
    [
      'an expired URL with a newer date',
      {
        url: query(
          /X-Amz-Date=\d{8}T\d{6}/,
          `X-Amz-Date=${new Date().toISOString().replace(/[-:]|\.\d+Z/g, '')}`,
        ),
        at: minutesAgo(6),
      },
    ],
    ['another file', { url: query(/menu\.png/, 'other.png') }],
    ['another prefix', { url: query(/where2eat/, 'lowcode') }],
    ['a key above its own', { url: query(/staging\/[^/]*\//, 'final/') }],
    ['a way up in the path', { url: query(/where2eat\//, 'where2eat/%2e%2e/') }],
    ['another bucket', { url: query(/\/acme-[0-9a-f]/, '/acme-z') }],
    ['a changed signature', { url: query(/X-Amz-Signature=..../, 'X-Amz-Signature=0000') }],
    ['no signature', { url: query(/\?.*/, '') }],
    ['fewer signed headers', { url: query(/content-type%3B/, '') }],
    ['an added access list', { url: (url) => `${url}&acl` }],
    ['reading', { method: 'GET' }],
    ['reading the head', { method: 'HEAD' }],
    ['deleting', { method: 'DELETE' }],
    ['posting', { method: 'POST' }],
    ['starting a multipart upload', { method: 'POST', url: (url) => `${url}&uploads` }],
  ])('is refused by the storage itself for %s', async (_, change) => {
    const key = freshKey();
    const { status } = await put(key, change);
    expect([400, 403, 411, 412]).toContain(status);
    expect(await store.head(key)).toBeUndefined();
  });

  it('writes once: a second PUT is answered 412 and changes nothing', async () => {
    const key = freshKey();
    await put(key);
    const first = await store.head(key);
    expect(await put(key, { body: body.toUpperCase() })).toEqual({
      status: 412,
      code: 'PreconditionFailed',
    });
    expect(await store.head(key)).toEqual(first);
  });

  it('writes again when the object is deleted before the URL has expired', async () => {
    // Why the broker keeps staged objects until their URL is dead.
    const key = freshKey();
    await put(key);
    await store.delete(key);
    expect((await put(key)).status).toBe(200);
  });

  it('is worth nothing under another name', async () => {
    const key = freshKey();
    const url = store.presignPut(
      { key, size: 20, contentType: 'image/png', expiresIn: 300 },
      new Date(),
    );
    const renamed = url.url.replace(/Credential=[^%]+/, 'Credential=nobody');
    const headers = { 'content-length': '20', ...url.headers };
    expect((await send(renamed, 'PUT', headers, body)).status).toBe(403);
  });
});

describe('a presigned GET, at a real gateway', () => {
  let store: S3Store;
  let key: string;
  beforeAll(async () => {
    store = await bucketOnCeph();
    key = `final/${randomUUID()}/menu.png`;
    const grant = { key, size: 20, contentType: 'image/png', expiresIn: 300 };
    const { url, headers } = store.presignPut(grant, new Date());
    await send(url, 'PUT', { 'content-length': '20', ...headers }, body);
  });

  const get = (change: Change = {}): Promise<Sent> => {
    const grant = { key, expiresIn: 60, fileName: 'menu.png' };
    const { url } = store.presignGet(grant, change.at ?? new Date());
    return send(change.url?.(url) ?? url, change.method ?? 'GET', {}, '');
  };

  it('reads the object', async () => {
    expect((await get()).status).toBe(200);
  });

  it.each<[string, Change]>([
    ['another key', { url: (url) => url.replace('/menu.png?', '/other.png?') }],
    ['listing the bucket', { url: (url) => url.replace(/\/final\/[^?]*/, '/') }],
    ['being shown instead of saved', { url: (url) => url.replace('=attachment', '=inline') }],
    ['another type', { url: (url) => `${url}&response-content-type=text%2Fhtml` }],
    ['another version', { url: (url) => `${url}&versionId=null` }],
    ['HEAD', { method: 'HEAD' }],
    ['PUT', { method: 'PUT' }],
    ['DELETE', { method: 'DELETE' }],
    ['an expired URL', { at: new Date(Date.now() - 61_000) }],
  ])('is refused by the storage itself for %s', async (_, change) => {
    expect((await get(change)).status).toBe(403);
  });
});
