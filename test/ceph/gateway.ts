import { randomUUID } from 'node:crypto';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { createS3Store, type S3Store } from '../../src/storage/s3/s3-store.ts';

export const CEPH_CREDENTIALS = {
  accessKeyId: process.env.S3_ACCESS_KEY ?? 'test',
  secretAccessKey: process.env.S3_SECRET_KEY ?? 'test-only',
};

/** A fresh bucket on the gateway that scripts/ceph-up.sh started. Without one the suite fails: it never skips. */
export const placeOnCeph = async () => {
  const endpoint = process.env.RGW_ENDPOINT;
  if (!endpoint) throw new Error('RGW_ENDPOINT is not set: start one with scripts/ceph-up.sh');
  const place = { bucket: `acme-${randomUUID()}`, region: 'us-east-1', endpoint };
  const client = new S3Client({ ...place, forcePathStyle: true, credentials: CEPH_CREDENTIALS });
  await client.send(new CreateBucketCommand({ Bucket: place.bucket }));
  client.destroy();
  return place;
};

export const bucketOnCeph = async (): Promise<S3Store> =>
  createS3Store({ ...(await placeOnCeph()), credentials: () => CEPH_CREDENTIALS });
