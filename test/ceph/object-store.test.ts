import { PutBucketVersioningCommand, S3Client } from '@aws-sdk/client-s3';
import { describe, expect, it } from '@jest/globals';
import { createS3Store, type S3Store } from '../../src/storage/s3/s3-store.ts';
import { objectStoreContract } from '../contract/object-store.contract.ts';
import { bucketOnCeph, CEPH_CREDENTIALS, placeOnCeph } from './gateway.ts';

const versionedOnCeph = async (): Promise<S3Store> => {
  const place = await placeOnCeph();
  const client = new S3Client({ ...place, forcePathStyle: true, credentials: CEPH_CREDENTIALS });
  const VersioningConfiguration = { Status: 'Enabled' } as const;
  await client.send(
    new PutBucketVersioningCommand({ Bucket: place.bucket, VersioningConfiguration }),
  );
  client.destroy();
  return createS3Store({ ...place, credentials: () => CEPH_CREDENTIALS });
};

objectStoreContract('S3 at Ceph', async () => ({
  column: 'ceph',
  store: await bucketOnCeph(),
  refusesSecondPut: true,
  checksChecksum: false, // Ceph 16 predates x-amz-checksum-*
  stop: async () => undefined,
}));

describe('a bucket at Ceph that keeps versions', () => {
  it('serves by a presigned URL the version it was signed for, whatever was written since', async () => {
    const store = await versionedOnCeph();
    const now = new Date();
    const key = 'final/menu.txt';
    const write = async (body: string) => {
      const grant = { key, size: body.length, contentType: 'text/plain', expiresIn: 60 };
      const { url, headers } = store.presignPut(grant, now);
      // Here Ceph 16 takes no notice of `If-None-Match`: in place of whoever holds lent credentials.
      expect((await fetch(url, { method: 'PUT', headers, body })).status).toBe(200);
    };
    await write('inspected');
    const { immutable } = (await store.head(key)) ?? {};
    if (immutable === undefined) throw new Error('the version has no name');
    await write('something else');
    const grant = { key, expiresIn: 60, fileName: 'menu.txt' };
    const read = async (more: object) =>
      (await fetch(store.presignGet({ ...grant, ...more }, now).url)).text();
    expect([await read({ immutable }), await read({})]).toEqual(['inspected', 'something else']);
  });
});
