import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { createS3Store } from '../../src/storage/s3/s3-store.ts';
import { CEPH_CREDENTIALS, placeOnCeph } from './gateway.ts';

const MB = 1024 ** 2;

/** What one request cannot copy; 5 GiB are 6 MiB here. */
const openStore = async () =>
  createS3Store({
    ...(await placeOnCeph()),
    credentials: () => CEPH_CREDENTIALS,
    largestCopy: 6 * MB,
  });

type Store = Awaited<ReturnType<typeof openStore>>;

const uploadInParts = async (store: Store, key: string, letters: string) => {
  const uploadId = await store.beginParts({ key, contentType: 'text/plain' });
  const digest = createHash('sha256');
  for (const [at, letter] of [...letters].entries()) {
    const body = Buffer.alloc(8 * MB, letter);
    digest.update(body);
    const part = { key, uploadId, partNumber: at + 1, size: body.length, expiresIn: 60 };
    const { url, headers } = store.presignPart(part, new Date());
    expect((await fetch(url, { method: 'PUT', headers, body })).status).toBe(200);
  }
  const parts = await store.listParts(key, uploadId);
  await store.completeParts(key, uploadId, parts ?? []);
  return { digest: digest.digest('hex'), uploadId };
};

const digestOf = async (store: Store, key: string): Promise<string> => {
  const digest = createHash('sha256');
  for await (const chunk of (await store.open(key)).body) digest.update(chunk as Buffer);
  return digest.digest('hex');
};

describe('an object that was made of parts', () => {
  it('is copied in parts where it is too large for one copy, as an attachment and to the byte', async () => {
    const store = await openStore();
    const { digest } = await uploadInParts(store, 'staging/a', 'abc');
    const staged = await store.head('staging/a');
    await store.copy('staging/a', 'final/a', staged?.version ?? '', 'text/plain');
    expect(await store.head('final/a')).toMatchObject({ size: 24 * MB, contentType: 'text/plain' });
    expect(await digestOf(store, 'final/a')).toBe(digest);
  });

  it('is not copied where it is no longer the version that was inspected', async () => {
    const store = await openStore();
    await uploadInParts(store, 'staging/a', 'ab');
    const staged = await store.head('staging/a');
    await uploadInParts(store, 'staging/a', 'xy');
    const copied = store.copy('staging/a', 'final/a', staged?.version ?? '', 'text/plain');
    await expect(copied).rejects.toMatchObject({ name: 'ObjectNotFound' });
    expect(await store.head('final/a')).toBeUndefined();
  });

  it('leaves no upload behind: what is taken back is gone, and doing it again is fine', async () => {
    const store = await openStore();
    const uploadId = await store.beginParts({ key: 'staging/a', contentType: 'text/plain' });
    expect(await store.listParts('staging/a', uploadId)).toEqual([]);
    await store.abortParts('staging/a');
    await store.abortParts('staging/a');
    expect(await store.listParts('staging/a', uploadId)).toBeUndefined();
    const gone = store.completeParts('staging/a', uploadId, []);
    await expect(gone).rejects.toBeDefined();
  });
});
