import { describe, expect, it } from '@jest/globals';
import { examineBucket } from '../../../src/compose/bucket-examination.ts';
import { type Deployment, deploymentFromObject } from '../../../src/config/deployment.ts';
import type { BucketSettings } from '../../../src/storage/bucket-settings.ts';

const ORIGIN = 'https://menus.example';
const TOPIC = 'arn:aws:sns:eu-west-1:123456789012:uploads';
const S3 = { provider: 's3', bucket: 'acme-menus', region: 'eu-west-1' };

const deploymentWith = (bucket: object): Deployment =>
  deploymentFromObject(
    {
      tenants: [{ id: 'acme' }],
      buckets: [{ id: 'menus', tenant: 'acme', ...bucket }],
      apps: [
        {
          id: 'where2eat',
          tenant: 'acme',
          owner: 'dana',
          purpose: 'menus',
          expires: '2030-01-01',
          type: 'browser',
          origins: [ORIGIN],
          grants: [
            { resource: 'bucket:menus', actions: ['read', 'write'], prefix: '/a/{user_id}/' },
          ],
        },
      ],
    },
    { now: new Date(0), production: false, source: 'test' },
  );

/** As it ought to be. */
const WELL: BucketSettings = {
  isPublic: { value: false },
  isVersioned: { value: false },
  isLocked: { value: false },
  cors: { value: [{ origins: ['https://*.example'], methods: ['GET', 'PUT'] }] },
  expiry: { value: [{ prefix: '.daypass-staging/', days: 1 }] },
  told: { value: [TOPIC] },
};

const examined = (settings: Partial<BucketSettings>, bucket: object = S3, secret = '') => {
  const deployment = deploymentWith(bucket);
  const [first] = deployment.buckets;
  if (!first) throw new Error('no bucket');
  const checks = examineBucket({
    bucket: first,
    deployment,
    settings: { ...WELL, ...settings },
    secret: () => secret,
  });
  return new Map(checks.map((check) => [check.name.slice('bucket menus: '.length), check]));
};

describe('the examination of a bucket', () => {
  it('finds nothing where all is as it ought to be', () => {
    const checks = [...examined({}).values()];
    expect(checks.map(({ status }) => status)).toEqual(['ok', 'ok', 'ok', 'ok']);
  });

  it.each<[string, Partial<BucketSettings>, string]>([
    ['public access', { isPublic: { value: true } }, 'put-public-access-block'],
    ['retention', { isLocked: { value: true } }, 'retention: { locked: true }'],
    ['CORS', { cors: { value: [] } }, ORIGIN],
    ['CORS', { cors: { value: [{ origins: [ORIGIN], methods: ['GET'] }] } }, 'put-bucket-cors'],
    [
      'CORS',
      { cors: { value: [{ origins: ['https://menus.example.evil'], methods: ['GET', 'PUT'] }] } },
      'put-bucket-cors',
    ],
    ['staging', { expiry: { value: [] } }, '.daypass-staging/'],
    ['staging', { expiry: { value: [{ prefix: '', days: 1 }] } }, 'put-bucket-lifecycle'],
    ['staging', { expiry: { value: [{ prefix: '.daypass-staging/', days: 30 }] } }, '"Days":1'],
  ])('finds what is wrong with %s, and says what sets it right', (name, settings, fix) => {
    const check = examined(settings).get(name);
    expect(check?.status).toBe('failed');
    expect(check?.fix).toContain(fix);
  });

  it('wants a lock where the configuration promises one', () => {
    const locked = { ...S3, retention: { locked: true } };
    expect(examined({}, locked).get('retention')?.fix).toContain('put-object-lock-configuration');
    expect(examined({ isLocked: { value: true } }, locked).get('retention')?.status).toBe('ok');
  });

  it('wants new objects told to each topic whose events are awaited, and a secret that is one', () => {
    const events = { ...S3, events: { topic_arns: [TOPIC], secret_env: 'EVENTS' } };
    const well = examined({}, events, 'x'.repeat(16));
    expect([well.get('events')?.status, well.get('secret of events')?.status]).toEqual([
      'ok',
      'ok',
    ]);
    const wrong = examined({ told: { value: [`${TOPIC}2`] } }, events, 'short');
    expect(wrong.get('events')?.fix).toContain(TOPIC);
    expect(wrong.get('secret of events')).toMatchObject({ status: 'failed' });
    const google = {
      provider: 'gcs',
      bucket: 'acme-menus',
      events: { audience: 'a', service_account: 's@x.example' },
    };
    const silent = examined({ told: { value: [] } }, google).get('events');
    expect(silent?.fix).toContain('gcloud storage buckets notifications create');
  });

  it('says of what the provider does not say that nobody looked', () => {
    const no = { unknown: 'storage cors failed: AccessDenied' };
    const checks = examined({ isPublic: no, isLocked: no, cors: no, expiry: no });
    expect([...checks.values()].map(({ status }) => status)).toEqual(Array(4).fill('skipped'));
    expect(checks.get('CORS')?.detail).toContain('AccessDenied');
  });

  it.each([
    ['gcs', { provider: 'gcs', bucket: 'acme-menus' }, 'gcloud storage'],
    [
      'azure',
      { provider: 'azure', bucket: 'acme-menus', credentials: { account: 'acme' } },
      'az storage',
    ],
  ])('gives the commands of %s for what is on it', (_, bucket, command) => {
    const checks = examined({ isPublic: { value: true }, cors: { value: [] } }, bucket);
    for (const name of ['public access', 'CORS']) expect(checks.get(name)?.fix).toContain(command);
  });
});
