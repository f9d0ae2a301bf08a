import { createHash, randomBytes } from 'node:crypto';
import {
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createLocalGateway } from '../../../src/storage/local/gateway.ts';
import { createLocalStore, type LocalStore } from '../../../src/storage/local/local-store.ts';

const signedAt = new Date('2026-11-22T03:04:05Z');
const after = (seconds: number): Date => new Date(signedAt.getTime() + seconds * 1000);
const secret = randomBytes(32);
const body = 'twelve bytes';

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
  json(): {
    error: string;
    error_description: string;
    violations: { rule: string }[];
    request_id?: string;
  };
}

describe('the local gateway', () => {
  let server: Server;
  let root: string;
  let store: LocalStore;
  let other: LocalStore;
  let now: Date;

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'local-gateway-'));
    const stores = new Map<string, LocalStore>();
    const gateway = createLocalGateway({ stores: (id) => stores.get(id), basePath: '/local' });
    server = createServer((incoming, response) => {
      response.setHeader('X-Request-Id', 'req-1');
      void gateway(incoming, response, now);
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/local`;
    const create = (bucket: string): LocalStore =>
      createLocalStore({ root: join(root, bucket), bucket, baseUrl, secret });
    [store, other] = [create('menus'), create('photos')];
    stores.set('menus', store).set('photos', other);
  });
  beforeEach(() => {
    now = signedAt;
  });
  afterAll(async () => {
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
    await rm(root, { recursive: true });
  });

  let count = 0;
  const freshKey = (): string => `staging/${++count}/menu.txt`;
  const grant = (key: string) => ({ key, size: 12, contentType: 'text/plain', expiresIn: 300 });

  const send = (
    url: string,
    method: string,
    headers: Record<string, string> = {},
    content = '',
  ): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const outgoing = request(url, { method, headers }, async (response) => {
        const text = Buffer.concat(await response.toArray()).toString();
        const { statusCode: status = 0, headers } = response;
        resolve({ status, headers, text, json: () => JSON.parse(text) });
      });
      outgoing.on('error', reject);
      outgoing.end(content);
    });

  const put = (key: string, headers: Record<string, string> = {}, content = body) =>
    send(
      store.presignPut(grant(key), signedAt).url,
      'PUT',
      { 'content-type': 'text/plain', 'content-length': String(content.length), ...headers },
      content,
    );
  const get = (key: string, headers: Record<string, string> = {}) =>
    send(
      store.presignGet({ key, expiresIn: 60, fileName: 'menu.txt' }, signedAt).url,
      'GET',
      headers,
    );
  const staged = (bucket = 'menus'): Promise<string[]> => readdir(join(root, bucket, 'incoming'));

  describe('taking an upload', () => {
    it('answers with the SHA-256 as entity tag', async () => {
      const { status, headers } = await put(freshKey());
      const digest = createHash('sha256').update(body).digest('hex');
      expect([status, headers.etag]).toEqual([200, `"${digest}"`]);
    });

    it.each([
      ['a bigger body', 413, 'exact_size', {}, `${body}!`],
      ['a smaller body', 400, 'exact_size', {}, body.slice(1)],
      ['another type', 400, 'exact_type', { 'content-type': 'text/plain; charset=utf-8' }, body],
    ])('refuses %s with %d', async (_, status, rule, headers, content) => {
      const key = freshKey();
      const answer = await put(key, headers, content);
      expect([answer.status, answer.json().violations[0]?.rule]).toEqual([status, rule]);
      expect(await store.head(key)).toBeUndefined();
    });

    it('refuses a body without a length with 411', async () => {
      const { url } = store.presignPut(grant(freshKey()), signedAt);
      const headers = { 'content-type': 'text/plain', 'transfer-encoding': 'chunked' };
      expect((await send(url, 'PUT', headers, body)).status).toBe(411);
    });

    it('refuses other bytes than were hashed, and leaves nothing', async () => {
      const key = freshKey();
      const upload = store.presignPut({ ...grant(key), sha256: 'ab'.repeat(32) }, signedAt);
      const headers = { ...upload.headers, 'content-length': '12' };
      const answer = await send(upload.url, 'PUT', headers, body);
      expect([answer.status, answer.json().violations[0]?.rule]).toEqual([400, 'checksum']);
      expect(await store.head(key)).toBeUndefined();
      expect(await staged()).toEqual([]);
    });

    it('refuses a second upload with 412, as S3 does', async () => {
      const key = freshKey();
      await put(key);
      expect((await put(key, {}, body.toUpperCase())).status).toBe(412);
      expect((await get(key)).text).toBe(body);
    });

    it('leaves nothing of an upload that breaks off', async () => {
      const key = freshKey();
      const { url } = store.presignPut(grant(key), signedAt);
      const headers = { 'content-type': 'text/plain', 'content-length': '12' };
      await new Promise<void>((resolve) => {
        const outgoing = request(url, { method: 'PUT', headers });
        outgoing.on('error', () => resolve());
        outgoing.write('half', () => setTimeout(() => outgoing.destroy(new Error('gone')), 50));
      });
      for (let i = 0; i < 100 && (await staged()).length > 0; i += 1)
        await new Promise((tick) => setTimeout(tick, 20));
      expect(await staged()).toEqual([]);
      expect(await store.head(key)).toBeUndefined();
      expect((await put(key)).status).toBe(200);
    });

    it('keeps 0 bytes where 0 were granted', async () => {
      const key = freshKey();
      const { url } = store.presignPut({ ...grant(key), size: 0 }, signedAt);
      const headers = { 'content-type': 'text/plain', 'content-length': '0' };
      expect((await send(url, 'PUT', headers)).status).toBe(200);
      expect((await get(key)).headers['content-length']).toBe('0');
    });
  });

  describe('reading the URL', () => {
    it('honours it until the second it expires, and not from then on', async () => {
      now = after(299.999);
      expect((await put(freshKey())).status).toBe(200);
      now = after(300);
      const { status, json } = await put(freshKey());
      expect([status, json().error, json().violations[0]?.rule]).toEqual([
        403,
        'access_denied',
        'expiry',
      ]);
    });

    const changed: [string, (url: string) => string][] = [
      ['another size', (url) => url.replace('size=12', 'size=13')],
      ['another type', (url) => url.replace('type=text%2Fplain', 'type=text%2Fhtml')],
      ['a later end', (url) => url.replace(/expires=\d/, 'expires=9')],
      ['another key', (url) => url.replace('menu.txt', 'menu.html')],
      ['another bucket', (url) => url.replace('/menus/', '/photos/')],
      ['an unknown bucket', (url) => url.replace('/menus/', '/nobody/')],
      ['another spelling of the key', (url) => url.replace('menu.txt', '%6denu.txt')],
      ['a second parameter of a name', (url) => url.replace('?', '?size=13&')],
      ['a parameter after the signature', (url) => `${url}&size=13`],
      ['a longer signature', (url) => `${url}A`],
      ['an empty signature', (url) => url.replace(/signature=.*/, 'signature=')],
      ['no signature', (url) => url.replace(/&signature=.*/, '')],
      ['no query', (url) => url.replace(/\?.*/, '')],
      ['another mount', (url) => url.replace('/local/', '/remote/')],
    ];
    it.each(changed)('refuses %s', async (_, change) => {
      const { url } = store.presignPut(grant(freshKey()), signedAt);
      const headers = { 'content-type': 'text/plain', 'content-length': '12' };
      const { status, json } = await send(change(url), 'PUT', headers, body);
      expect([status, json().error]).toEqual([403, 'access_denied']);
    });

    it('tells nobody but its holder that a URL has expired', async () => {
      const { url } = store.presignPut(grant(freshKey()), signedAt);
      now = after(1_000);
      const { json } = await send(`${url}x`, 'PUT', { 'content-length': '0' });
      expect(json().violations[0]?.rule).toBe('signature');
    });

    it('refuses a signature made with another secret', async () => {
      const foreign = createLocalStore({
        root,
        bucket: 'menus',
        baseUrl: store.presignPut(grant('a'), signedAt).url.replace(/\/menus.*/, ''),
        secret: randomBytes(32),
      });
      const { url } = foreign.presignPut(grant(freshKey()), signedAt);
      const headers = { 'content-type': 'text/plain', 'content-length': '12' };
      expect((await send(url, 'PUT', headers, body)).status).toBe(403);
    });

    it('refuses a URL of another bucket that has the same secret', () => {
      const { url } = store.presignPut(grant(freshKey()), signedAt);
      const target = url.slice(url.indexOf('/menus/'));
      expect(store.signer.verify('PUT', target)).toBeDefined();
      expect(other.signer.verify('PUT', target)).toBeUndefined();
    });

    it('wants a secret of 32 bytes', () => {
      const options = {
        root,
        bucket: 'menus',
        baseUrl: 'http://localhost',
        secret: Buffer.alloc(31),
      };
      expect(() => createLocalStore(options)).toThrow(RangeError);
    });

    it('names the request in every refusal', async () => {
      const { json } = await send(`${store.presignPut(grant('a'), signedAt).url}x`, 'GET');
      expect(json()).toMatchObject({ request_id: 'req-1', error_description: expect.any(String) });
    });
  });

  describe('sending a download', () => {
    it('lets no browser render, sniff, keep or report it', async () => {
      const key = freshKey();
      await put(key);
      expect((await get(key)).headers).toMatchObject({
        'content-disposition': 'attachment; filename="menu.txt"',
        'content-security-policy': 'sandbox',
        'x-content-type-options': 'nosniff',
        'cache-control': 'no-store',
        'referrer-policy': 'no-referrer',
        'content-type': 'text/plain',
        'content-length': '12',
        'accept-ranges': 'bytes',
      });
    });

    it.each([
      ['bytes=0-5', 206, 'twelve', 'bytes 0-5/12'],
      ['bytes=7-', 206, 'bytes', 'bytes 7-11/12'],
      ['bytes=-5', 206, 'bytes', 'bytes 7-11/12'],
      ['bytes=-99', 206, body, 'bytes 0-11/12'],
      ['bytes=7-99', 206, 'bytes', 'bytes 7-11/12'],
      ['bytes=0-1,3-4', 200, body, undefined],
      ['bytes=5-1', 200, body, undefined],
      ['lines=1-2', 200, body, undefined],
      ['bytes=-', 200, body, undefined],
    ])('answers Range: %s with %d', async (range, status, text, contentRange) => {
      const key = freshKey();
      await put(key);
      const answer = await get(key, { range });
      expect([answer.status, answer.text, answer.headers['content-range']]).toEqual([
        status,
        text,
        contentRange,
      ]);
    });

    it.each(['bytes=12-', 'bytes=12-20', 'bytes=-0'])(
      'answers Range: %s with 416',
      async (range) => {
        const key = freshKey();
        await put(key);
        const { status, headers } = await get(key, { range });
        expect([status, headers['content-range']]).toEqual([416, 'bytes */12']);
      },
    );

    it('sends all of it when the range is of another version', async () => {
      const key = freshKey();
      const { etag = '' } = (await put(key)).headers;
      const range = 'bytes=0-5';
      expect((await get(key, { range, 'if-range': etag })).status).toBe(206);
      expect((await get(key, { range, 'if-range': '"other"' })).status).toBe(200);
    });

    it('answers 404 for what is not there', async () => {
      const { status, json } = await get(freshKey());
      expect([status, json().error]).toEqual([404, 'not_found']);
    });
  });

  describe('for browsers', () => {
    it('lets any page that has a URL use it, without credentials', async () => {
      const { url } = store.presignPut(grant(freshKey()), signedAt);
      const { status, headers } = await send(url, 'OPTIONS', {
        origin: 'https://app.example',
        'access-control-request-method': 'PUT',
        'access-control-request-headers': 'content-type',
      });
      expect(status).toBe(204);
      expect(headers).toMatchObject({
        'access-control-allow-origin': '*',
        'access-control-allow-methods': 'GET, PUT',
        'access-control-allow-headers': expect.stringMatching(/Content-Type/),
      });
      expect(headers).not.toHaveProperty('access-control-allow-credentials');
    });

    it('lets a page read a refusal', async () => {
      const { headers } = await get(freshKey());
      expect(headers['access-control-allow-origin']).toBe('*');
    });
  });

  describe('on disk', () => {
    it('keeps a key of any shape inside its root', async () => {
      const key = `staging/${'n'.repeat(900)}/CON/aux .txt`;
      expect((await put(key)).status).toBe(200);
      expect(await store.head(key)).toMatchObject({ size: 12 });
      expect((await readdir(root)).sort()).toEqual(['menus']);
      for (const name of await readdir(join(root, 'menus', 'objects')))
        expect(name).toMatch(/^[0-9a-f]{2}$/);
    });

    it('does not follow a link planted in an object', async () => {
      const key = 'staging/link';
      const name = createHash('sha256').update(key).digest('hex');
      const folder = join(root, 'menus', 'objects', name.slice(0, 2), name.slice(2));
      await mkdir(folder, { recursive: true });
      await writeFile(join(root, 'menus', 'secret.txt'), 'secret');
      await symlink(join(root, 'menus', 'secret.txt'), join(folder, 'body'));
      const meta = { key, size: 6, sha256: 'ab'.repeat(32), contentType: 'text/plain' };
      await writeFile(join(folder, 'meta.json'), JSON.stringify(meta));
      await expect(store.open(key)).rejects.toMatchObject({ status: 503 });
      expect((await get(key)).text).not.toContain('secret');
    });

    it('is private to its user', async () => {
      await put(freshKey());
      const { mode } = await stat(join(root, 'menus', 'objects'));
      expect(mode & 0o077).toBe(0);
    });

    it('sweeps what a killed process left behind, and nothing younger', async () => {
      const incoming = join(root, 'menus', 'incoming');
      for (const name of ['old', 'young']) await mkdir(join(incoming, name), { recursive: true });
      await utimes(join(incoming, 'old'), signedAt, signedAt);
      await utimes(join(incoming, 'young'), after(3_000), after(3_000));
      await store.sweep(after(3_601));
      expect(await staged()).toEqual(['young']);
      await rm(join(incoming, 'young'), { recursive: true });
    });

    it('says unavailable, and nothing else, when the disk fails', async () => {
      const broken = join(root, 'broken');
      await writeFile(broken, 'a file where a folder should be');
      const store = createLocalStore({
        root: broken,
        bucket: 'b',
        baseUrl: 'http://localhost',
        secret,
      });
      await expect(store.head('a')).rejects.toMatchObject({
        code: 'temporarily_unavailable',
        message: expect.not.stringContaining(broken),
        detail: expect.not.stringContaining(broken),
      });
      expect(await readFile(broken, 'utf8')).toContain('a file');
      await rm(broken);
    });

    it('keeps two buckets apart', async () => {
      const key = freshKey();
      await put(key);
      expect(await other.head(key)).toBeUndefined();
    });
  });
});
