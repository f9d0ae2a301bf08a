import { PutBucketPolicyCommand, S3Client } from '@aws-sdk/client-s3';
import { itWithstandsStorageCases } from '../security/storage-cases.ts';
import { AFTER_CUT, astrayOnS3 } from '../support/storage-providers.ts';
import { CEPH_CREDENTIALS, placeOnCeph } from './gateway.ts';

/** What S3 itself lets the owner of a bucket say, whoever signed: nobody reads or writes here. */
const closed = (bucket: string): string =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Deny',
        Principal: '*',
        Action: ['s3:GetObject', 's3:PutObject'],
        Resource: [`arn:aws:s3:::${bucket}/*`],
      },
    ],
  });

itWithstandsStorageCases({
  name: 'ceph',
  start: async () => {
    const place = await placeOnCeph();
    const { bucket: Bucket } = place;
    return {
      bucket: {
        id: 'project-123',
        tenant: 'acme',
        residency: 'eu',
        provider: 's3',
        ...place,
        credentials: { access_key_id_env: 'A', secret_access_key_env: 'B' },
      },
      env: { A: CEPH_CREDENTIALS.accessKeyId, B: CEPH_CREDENTIALS.secretAccessKey },
      root: `/${Bucket}/`,
      stored: [200],
      astray: astrayOnS3,
      advice: /deny in its policy/,
      cut: async () => {
        const client = new S3Client({
          ...place,
          forcePathStyle: true,
          credentials: CEPH_CREDENTIALS,
        });
        await client.send(new PutBucketPolicyCommand({ Bucket, Policy: closed(Bucket) }));
        client.destroy();
        return AFTER_CUT;
      },
      stop: async () => undefined,
    };
  },
});
