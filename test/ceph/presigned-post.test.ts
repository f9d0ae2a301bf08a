import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { S3Store } from '../../src/storage/s3/s3-store.ts';
import { bucketOnCeph } from './gateway.ts';

describe('a presigned form, at a real gateway', () => {
  let store: S3Store;
  beforeAll(async () => {
    store = await bucketOnCeph();
  });

  const freshKey = (): string => `staging/${randomUUID()}/menu.png`;
  const post = async (
    key: string,
    size: number,
    change: Record<string, string | undefined> = {},
    now = new Date(),
  ): Promise<{ status: number; code: string | undefined }> => {
    const grant = { key, minSize: 1, maxSize: 100, contentType: 'image/png', expiresIn: 300 };
    const { url, fields } = store.presignPost(grant, now);
    const form = new FormData();
    for (const [name, value] of Object.entries({ ...fields, ...change }))
      if (value !== undefined) form.append(name, value);
    form.append('file', new Blob(['x'.repeat(size)]));
    const response = await fetch(url, { method: 'POST', body: form });
    const code = /<Code>(\w+)<\/Code>/.exec(await response.text())?.[1];
    return { status: response.status, code };
  };

  it.each([1, 100])('stores %d bytes, an end of its range', async (size) => {
    const key = freshKey();
    expect((await post(key, size)).status).toBe(204);
    expect(await store.head(key)).toMatchObject({ size, contentType: 'image/png' });
  });

  it.each([
    ['too many bytes', 101, 400, 'EntityTooLarge'],
    ['too few bytes', 0, 400, 'EntityTooSmall'],
  ])('is refused by the storage itself for %s', async (_, size, status, code) => {
    const key = freshKey();
    expect(await post(key, size)).toEqual({ status, code });
    expect(await store.head(key)).toBeUndefined();
  });

  it.each<[string, Record<string, string | undefined>]>([
    ['another key', { key: 'final/menu.png' }],
    ['a key below its own', { key: 'staging/other/menu.png' }],
    ['another type', { 'Content-Type': 'text/html' }],
    ['no type', { 'Content-Type': undefined }],
    ['a field that was not granted', { acl: 'public-read' }],
    ['a redirect that was not granted', { success_action_redirect: 'https://evil.example' }],
    ['a policy of its own', { Policy: Buffer.from('{"conditions":[]}').toString('base64') }],
    ['a changed signature', { 'X-Amz-Signature': '0'.repeat(64) }],
  ])('is refused by the storage itself for %s', async (_, change) => {
    const key = freshKey();
    expect((await post(key, 10, change)).status).toBe(403);
    expect(await store.head(change.key ?? key)).toBeUndefined();
  });

  it('is refused by the storage itself after it has expired', async () => {
    const key = freshKey();
    expect((await post(key, 10, {}, new Date(Date.now() - 301_000))).status).toBe(403);
    expect(await store.head(key)).toBeUndefined();
  });
});
