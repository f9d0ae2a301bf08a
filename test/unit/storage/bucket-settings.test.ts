import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createCall } from '../../../src/storage/gcs/http.ts';
import { locate } from '../../../src/storage/gcs/location.ts';
import { createSettingsReader as createGcsReader } from '../../../src/storage/gcs/settings.ts';
import { createS3Store } from '../../../src/storage/s3/s3-store.ts';

/** What it answers, by path and query; 404 for the rest. */
let answers: ReadonlyMap<string, { readonly status: number; readonly body: string }>;
const server = createServer((request, response) => {
  const { status, body } = answers.get((request.url ?? '').replace(/=$/, '')) ?? {
    status: 404,
    body: '{}',
  };
  response.writeHead(status, { 'content-type': 'application/xml' }).end(body);
});
let endpoint: string;
beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const ok = (body: object | string) => ({
  status: 200,
  body: typeof body === 'string' ? body : JSON.stringify(body),
});

describe('the settings of a bucket on Google', () => {
  const settingsWith = (bucket: object, further: object = {}) => {
    answers = new Map([
      ['/storage/v1/b/acme', ok(bucket)],
      ...Object.entries(further).map(([path, body]): [string, ReturnType<typeof ok>] => [
        `/storage/v1/b/acme${path}`,
        ok(body),
      ]),
    ]);
    const location = locate({ bucket: 'acme', endpoint });
    const call = createCall(async () => 'Bearer x');
    return createGcsReader({ location, bucket: 'acme', call: () => call }).settings();
  };

  it('are read from the bucket, its policy and its notifications', async () => {
    const settings = await settingsWith(
      {
        versioning: { enabled: true },
        retentionPolicy: { retentionPeriod: '60' },
        cors: [{ origin: ['https://a.example'], method: ['PUT'] }],
        lifecycle: {
          rule: [
            {
              action: { type: 'Delete' },
              condition: { age: 1, matchesPrefix: ['.daypass-staging/'] },
            },
            { action: { type: 'SetStorageClass' }, condition: { age: 1 } },
          ],
        },
      },
      {
        '/iam': { bindings: [{ role: 'roles/storage.objectViewer', members: ['allUsers'] }] },
        '/notificationConfigs': {
          items: [
            { topic: '//pubsub/a', event_types: ['OBJECT_FINALIZE'] },
            { topic: '//pubsub/b', event_types: ['OBJECT_DELETE'] },
          ],
        },
      },
    );
    expect(settings).toEqual({
      isPublic: { value: true },
      isVersioned: { value: true },
      isLocked: { value: true },
      cors: { value: [{ origins: ['https://a.example'], methods: ['PUT'] }] },
      expiry: { value: [{ prefix: '.daypass-staging/', days: 1 }] },
      told: { value: ['//pubsub/a'] },
    });
  });

  it('are closed where public access is prevented, whatever the policy says', async () => {
    const prevented = { iamConfiguration: { publicAccessPrevention: 'enforced' } };
    expect((await settingsWith(prevented)).isPublic).toEqual({ value: false });
  });

  it('that may not be read are unknown, each by itself', async () => {
    const settings = await settingsWith({});
    expect(settings.isPublic).toEqual({ unknown: 'storage policy failed: 404' });
    expect(settings.cors).toEqual({ value: [] });
  });
});

describe('the settings of a bucket on S3', () => {
  const settingsWith = (given: Readonly<Record<string, { status: number; body: string }>>) => {
    answers = new Map(Object.entries(given).map(([query, answer]) => [`/acme${query}`, answer]));
    const credentials = () => ({ accessKeyId: 'A', secretAccessKey: 'B' });
    return createS3Store({ bucket: 'acme', region: 'us-east-1', endpoint, credentials }).settings();
  };
  const none = (code: string) => ({
    status: 404,
    body: `<Error><Code>${code}</Code><Message>no</Message></Error>`,
  });

  it('that are not set are known to be not set', async () => {
    const settings = await settingsWith({
      '/?publicAccessBlock': none('NoSuchPublicAccessBlockConfiguration'),
      '/?policyStatus': none('NoSuchBucketPolicy'),
      '/?acl': ok('<AccessControlPolicy><AccessControlList/></AccessControlPolicy>'),
      '/?versioning': ok('<VersioningConfiguration/>'),
      '/?object-lock': none('ObjectLockConfigurationNotFoundError'),
      '/?cors': none('NoSuchCORSConfiguration'),
      '/?lifecycle': none('NoSuchLifecycleConfiguration'),
      '/?notification': ok('<NotificationConfiguration/>'),
    });
    expect(settings).toEqual({
      isPublic: { value: false },
      isVersioned: { value: false },
      isLocked: { value: false },
      cors: { value: [] },
      expiry: { value: [] },
      told: { value: [] },
    });
  });

  it('are public by a grant to everybody, and not where such grants are ignored', async () => {
    const everybody = ok(
      '<AccessControlPolicy><AccessControlList><Grant><Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="Group"><URI>http://acs.amazonaws.com/groups/global/AllUsers</URI></Grantee><Permission>READ</Permission></Grant></AccessControlList></AccessControlPolicy>',
    );
    const open = {
      '/?publicAccessBlock': none('NoSuchPublicAccessBlockConfiguration'),
      '/?policyStatus': none('NoSuchBucketPolicy'),
      '/?acl': everybody,
    };
    expect((await settingsWith(open)).isPublic).toEqual({ value: true });
    const block = `<PublicAccessBlockConfiguration><IgnorePublicAcls>true</IgnorePublicAcls><RestrictPublicBuckets>true</RestrictPublicBuckets></PublicAccessBlockConfiguration>`;
    const closed = { ...open, '/?publicAccessBlock': ok(block) };
    expect((await settingsWith(closed)).isPublic).toEqual({ value: false });
  });

  it('that may not be read are unknown, each by itself', async () => {
    const denied = { status: 403, body: '<Error><Code>AccessDenied</Code></Error>' };
    const settings = await settingsWith({
      '/?cors': denied,
      '/?versioning': ok('<VersioningConfiguration/>'),
    });
    expect(settings.cors).toEqual({ unknown: 'storage cors failed: AccessDenied' });
    expect(settings.isVersioned).toEqual({ value: false });
  });
});
