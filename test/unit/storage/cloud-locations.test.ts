import { describe, expect, it } from '@jest/globals';
import { OAuthError } from '../../../src/protocol/oauth-error.ts';
import { createAzureStore } from '../../../src/storage/azure/azure-store.ts';
import { createGcsStore } from '../../../src/storage/gcs/gcs-store.ts';

const refusal = (run: () => unknown): OAuthError => {
  try {
    run();
  } catch (error) {
    if (error instanceof OAuthError) return error;
    throw error;
  }
  throw new Error('was not refused');
};

const KEY = Buffer.alloc(64, 7).toString('base64');
const azure = (change: object) =>
  createAzureStore({
    account: 'acmestorage',
    bucket: 'acme-project-123',
    credentials: { kind: 'account_key', key: () => KEY },
    ...change,
  });
const gcs = (change: object) =>
  createGcsStore({
    bucket: 'acme-project-123',
    credentials: { kind: 'service_account', json: () => '{}' },
    ...change,
  });

const ENDPOINTS = [
  ['plain http beyond loopback', { endpoint: 'http://storage.example' }],
  ['an endpoint with credentials', { endpoint: 'https://user:pw@storage.example' }],
  ['an endpoint with a path', { endpoint: 'https://storage.example/evil' }],
  ['an endpoint with a query', { endpoint: 'https://storage.example/?x' }],
  ['an endpoint of another scheme', { endpoint: 'file:///etc' }],
  ['an endpoint that is no URL', { endpoint: 'storage.example' }],
] as const;

describe('where a container on Azure may be (S02)', () => {
  it.each([
    ['an account that names a host', { account: 'x.evil.com' }, 'account'],
    ['an account with a path', { account: 'acme/x' }, 'account'],
    ['an account with an end of line', { account: 'acme\n' }, 'account'],
    ['a container that is a path', { bucket: 'a/b' }, 'bucket'],
    ['a container with a dot', { bucket: 'a.b.c' }, 'bucket'],
    ['the container of the account itself', { bucket: '$root' }, 'bucket'],
    ['a container with two hyphens', { bucket: 'a--b' }, 'bucket'],
    ...ENDPOINTS.map(([name, change]) => [name, change, 'endpoint'] as const),
  ])('refuses %s', (_, change, field) => {
    const error = refusal(() => azure(change));
    expect(error.code).toBe('invalid_request');
    expect(error.violations.map((violation) => violation.field)).toEqual([field]);
  });

  it('reports all that is wrong at once', () => {
    const { violations } = refusal(() => azure({ account: 'A', bucket: '/', endpoint: 'x' }));
    expect(violations.map(({ field }) => field)).toEqual(['account', 'bucket', 'endpoint']);
  });

  it('pins no headers with an account key, which cannot', () => {
    expect(refusal(() => azure({ pinHeaders: true })).code).toBe('invalid_request');
  });

  it('signs no more than one Put Blob takes', async () => {
    const grant = { key: 'a', contentType: 'image/png', expiresIn: 60 };
    const most = 5000 * 1024 ** 2;
    const now = new Date('2026-11-22T03:04:05Z');
    expect((await azure({}).presignPut({ ...grant, size: most }, now)).url).toContain('sp=c');
    const { violations } = refusal(() => azure({}).presignPut({ ...grant, size: most + 1 }, now));
    expect(violations).toMatchObject([{ field: 'size', rule: 'one_put' }]);
  });

  it('signs https alone, but on loopback', async () => {
    const now = new Date('2026-11-22T03:04:05Z');
    const get = { key: 'a', expiresIn: 60, fileName: 'a.png' };
    const urlAt = async (endpoint: string) =>
      new URL((await azure({ endpoint }).presignGet(get, now)).url);
    const beyond = await urlAt('https://acmestorage.blob.core.chinacloudapi.cn');
    expect(beyond.searchParams.get('spr')).toBe('https');
    expect(beyond.pathname).toBe('/acme-project-123/a');
    const here = await urlAt('http://127.0.0.1:10000');
    expect(here.searchParams.get('spr')).toBe('https,http');
    expect(here.pathname).toBe('/acmestorage/acme-project-123/a');
  });
});

describe('where a bucket on Google Cloud may be (S02)', () => {
  it.each([
    ['a bucket that names a host', { bucket: 'x.evil.com' }, 'bucket'],
    ['a bucket that is a path', { bucket: 'a/b' }, 'bucket'],
    ['a bucket with a query', { bucket: 'abc?x=' }, 'bucket'],
    ['a bucket in upper case', { bucket: 'Acme' }, 'bucket'],
    ['a bucket with an end of line', { bucket: 'acme\n' }, 'bucket'],
    ['a bucket that Google keeps for itself', { bucket: 'goog-acme' }, 'bucket'],
    ...ENDPOINTS.map(([name, change]) => [name, change, 'endpoint'] as const),
  ])('refuses %s', (_, change, field) => {
    const error = refusal(() => gcs(change));
    expect(error.code).toBe('invalid_request');
    expect(error.violations.map((violation) => violation.field)).toEqual([field]);
  });

  it('is 503 with a key that is none, and the key is not quoted', async () => {
    const secret = '{"client_email":"a@b","private_key":"-----BEGIN secret-----"}';
    const store = gcs({ credentials: { kind: 'service_account', json: () => secret } });
    const get = { key: 'a', expiresIn: 60, fileName: 'a.png' };
    const refused = store.presignGet(get, new Date());
    await expect(refused).rejects.toMatchObject({ status: 503 });
    await refused.catch((error: unknown) =>
      expect(String((error as OAuthError).detail)).not.toContain('BEGIN'),
    );
  });
});
