import {
  PutBucketAclCommand,
  PutBucketCorsCommand,
  PutBucketLifecycleConfigurationCommand,
  PutPublicAccessBlockCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { expect, it } from '@jest/globals';
import { examineBucket } from '../../src/compose/bucket-examination.ts';
import { deploymentFromObject } from '../../src/config/deployment.ts';
import { createS3Store } from '../../src/storage/s3/s3-store.ts';
import { CEPH_CREDENTIALS, placeOnCeph } from './gateway.ts';

/** The setting in a command that the doctor prints. */
const settingIn = (fix: string | undefined): never => {
  const [, json] = /'(\{.+\})'$/.exec(fix ?? '') ?? [];
  if (json === undefined) throw new Error(`no setting in ${fix}`);
  return JSON.parse(json) as never;
};

it('what the doctor finds in a real bucket is gone once its own commands were followed', async () => {
  const place = await placeOnCeph();
  const deployment = deploymentFromObject(
    {
      tenants: [{ id: 'acme' }],
      buckets: [{ id: 'menus', tenant: 'acme', provider: 's3', ...place }],
      apps: [
        {
          id: 'where2eat',
          tenant: 'acme',
          owner: 'dana',
          purpose: 'menus',
          expires: '2100-01-01',
          type: 'browser',
          origins: ['https://menus.example'],
          grants: [{ resource: 'bucket:menus', actions: ['write'], prefix: '/a/{user_id}/' }],
        },
      ],
    },
    { now: new Date(0), production: false, source: 'test' },
  );
  const [bucket] = deployment.buckets;
  if (!bucket) throw new Error('no bucket');
  const store = createS3Store({ ...place, credentials: () => CEPH_CREDENTIALS });
  const examined = async () => {
    const settings = await store.settings();
    const checks = examineBucket({ bucket, deployment, settings, secret: () => undefined });
    return new Map(checks.map((check) => [check.name, check]));
  };
  const client = new S3Client({ ...place, forcePathStyle: true, credentials: CEPH_CREDENTIALS });
  const Bucket = place.bucket;
  await client.send(new PutBucketAclCommand({ Bucket, ACL: 'public-read' }));

  const before = await examined();
  const failed = [...before].filter(([, { status }]) => status === 'failed').map(([name]) => name);
  expect(failed).toEqual([
    'bucket menus: public access',
    'bucket menus: CORS',
    'bucket menus: staging',
  ]);

  const fixOf = (name: string) => settingIn(before.get(`bucket menus: ${name}`)?.fix);
  await client.send(
    new PutPublicAccessBlockCommand({
      Bucket,
      PublicAccessBlockConfiguration: fixOf('public access'),
    }),
  );
  await client.send(new PutBucketCorsCommand({ Bucket, CORSConfiguration: fixOf('CORS') }));
  await client.send(
    new PutBucketLifecycleConfigurationCommand({
      Bucket,
      LifecycleConfiguration: fixOf('staging'),
    }),
  );
  client.destroy();
  const after = [...(await examined()).values()];
  expect(after.map(({ status }) => status)).toEqual(after.map(() => 'ok'));
});
