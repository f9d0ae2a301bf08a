import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createAzureStore } from '../../../src/storage/azure/azure-store.ts';
import { createCall } from '../../../src/storage/gcs/http.ts';
import { locate } from '../../../src/storage/gcs/location.ts';
import { createSettingsReader as createGcsReader } from '../../../src/storage/gcs/settings.ts';
import { createS3Store } from '../../../src/storage/s3/s3-store.ts';

/** What it answers, by path and query; 404 for the rest. */
let answers: ReadonlyMap<string, Answer>;
interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}
const server = createServer((request, response) => {
  const { status, body, headers } = answers.get(
    (request.url ?? '').replace(/=$|&timeout=\d+$/, ''),
  ) ?? {
    headers: {},
    status: 404,
    body: '{}',
  };
  response.writeHead(status, { 'content-type': 'application/xml', ...headers }).end(body);
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

describe('the settings of a container on Azure', () => {
  const settingsWith = (container: Answer | undefined, service = '<StorageServiceProperties/>') => {
    answers = new Map<string, Answer>([
      ...(container ? [['/acme/menus?restype=container', container] as const] : []),
      ['/acme/?restype=service&comp=properties', ok(service)],
    ]);
    const key = () => Buffer.alloc(32).toString('base64');
    const credentials = { kind: 'account_key', key } as const;
    return createAzureStore({
      bucket: 'menus',
      account: 'acme',
      endpoint,
      credentials,
    }).settings();
  };
  const containerWith = (headers: Readonly<Record<string, string>>) => ({ ...ok(''), headers });

  it('are read from the container and from the service, and the rest is not said there', async () => {
    const rule = (origins: string, methods: string) =>
      `<CorsRule><AllowedOrigins>${origins}</AllowedOrigins><AllowedMethods>${methods}</AllowedMethods><AllowedHeaders/><ExposedHeaders/><MaxAgeInSeconds>0</MaxAgeInSeconds></CorsRule>`;
    const settings = await settingsWith(
      containerWith({
        'x-ms-blob-public-access': 'blob',
        'x-ms-has-immutability-policy': 'true',
      }),
      `<StorageServiceProperties><Cors>${rule('https://a.example, https://b.example', 'get,PUT')}</Cors></StorageServiceProperties>`,
    );
    const unsaid = { unknown: expect.stringContaining('management') };
    expect(settings).toEqual({
      isPublic: { value: true },
      isLocked: { value: true },
      cors: {
        value: [{ origins: ['https://a.example', 'https://b.example'], methods: ['GET', 'PUT'] }],
      },
      isVersioned: unsaid,
      expiry: unsaid,
      told: unsaid,
    });
  });

  it('that are not set are known to be not set', async () => {
    const locked = { 'x-ms-immutable-storage-with-versioning-enabled': 'true' };
    expect(await settingsWith(containerWith({}))).toMatchObject({
      isPublic: { value: false },
      isLocked: { value: false },
      cors: { value: [] },
    });
    expect((await settingsWith(containerWith(locked))).isLocked).toEqual({ value: true });
  });

  it('that may not be read are unknown, each by itself', async () => {
    const headers = { 'x-ms-error-code': 'AuthorizationFailure' };
    const settings = await settingsWith({ status: 403, body: '', headers });
    const unknown = 'storage container failed: AuthorizationFailure';
    expect(settings).toMatchObject({
      isPublic: { unknown },
      isLocked: { unknown },
      cors: { value: [] },
    });
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
