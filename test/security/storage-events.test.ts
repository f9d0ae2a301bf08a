import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
// @ts-expect-error it comes without types
import S3rver from '@20minutes/s3rver';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { DeploymentDocument } from '../../src/config/deployment.ts';
import { startTestDaypass, type TestDaypass } from '../support/daypass.ts';
import {
  CERTIFICATE_URL,
  ENTRA,
  ENTRA_TENANT,
  GOOGLE,
  openClouds,
  TOPIC,
} from '../support/event-clouds.ts';
import { onS3 } from '../support/s3-story.ts';
import { PNG, startStory } from '../support/upload-story.ts';

const BUCKET = 'acme-project-123';
const SECRET = 'a-secret-for-events-of-24';
const AUDIENCE = 'https://broker.example/events/gcs';
const ACCOUNT = 'push@acme.iam.gserviceaccount.com';
const EVENT_GRID = '4962773b-9cdb-44cf-a8bf-237846a00ab7';

const clouds = openClouds();
let broker: TestDaypass;
let stopServer: () => Promise<void>;

beforeAll(async () => {
  const directory = await mkdtemp(join(tmpdir(), 's3rver-'));
  const server = new S3rver({
    address: '127.0.0.1',
    port: 0,
    silent: true,
    directory,
    configureBuckets: [{ name: BUCKET }],
  });
  const { port } = await server.run();
  stopServer = async () => {
    server.httpServer.closeAllConnections();
    await server.close();
    await rm(directory, { recursive: true });
  };
  const place = { endpoint: `http://127.0.0.1:${port}`, bucket: BUCKET, region: 'us-east-1' };
  const configure = (demo: DeploymentDocument): DeploymentDocument => {
    const onServer = onS3(place)(demo);
    const [first] = onServer.buckets ?? [];
    if (first?.provider !== 's3') throw new Error('no bucket');
    return {
      ...onServer,
      buckets: [
        { ...first, events: { topic_arns: [TOPIC], secret_env: 'EVENTS' } },
        { ...first, id: 'silent', bucket: 'acme-silent' },
        {
          id: 'google',
          tenant: 'acme',
          provider: 'gcs',
          bucket: 'acme-google',
          events: { audience: AUDIENCE, service_account: ACCOUNT },
        },
        {
          id: 'blobs',
          tenant: 'acme',
          provider: 'azure',
          bucket: 'acme-blobs',
          credentials: { account: 'acmestorage' },
          events: {
            entra: { tenant_id: ENTRA_TENANT, audience: 'api://daypass' },
            secret_env: 'EVENTS',
          },
        },
      ],
    };
  };
  broker = await startTestDaypass({
    configure,
    env: { A: 'S3RVER', B: 'S3RVER', EVENTS: SECRET },
    fetchForEvents: clouds.fetch,
  });
}, 60_000);
afterAll(async () => {
  await broker?.stop();
  await stopServer?.();
});
beforeEach(() => {
  clouds.calls.length = 0;
});

const nowOf = (): Date => broker.ledger.clock.now();
const seconds = (): number => Math.floor(nowOf().getTime() / 1000);

const post = async (cloud: string, body: object, headers: Record<string, string> = {}) => {
  const response = await fetch(`${broker.url}/events/${cloud}`, {
    method: 'POST',
    // As SNS says it.
    headers: { 'content-type': 'text/plain; charset=UTF-8', ...headers },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  return {
    status: response.status,
    body: (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>,
  };
};

const said = (given: Readonly<Record<string, string>> = {}) => ({
  Timestamp: nowOf().toISOString(),
  ...given,
});

const records = (key: string, bucket = BUCKET, further: object = {}) => ({
  Records: [
    {
      eventName: 'ObjectCreated:Put',
      s3: { bucket: { name: bucket }, object: { key: encodeURIComponent(key) } },
      ...further,
    },
  ],
});

const noticeOf = (key: string, bucket?: string) =>
  said({ Message: JSON.stringify(records(key, bucket)) });

/** Uploads, has it announced, and tells by whom it was known. The poller may have been faster: then once more. */
const announced = async (announce: (stagingKey: string) => Promise<{ status: number }>) => {
  const { requestUpload, put } = await startStory(broker);
  for (let tries = 0; tries < 4; tries += 1) {
    const { body: upload } = await requestUpload();
    const stagingKey = decodeURIComponent(
      new URL(String(upload.uploadUrl)).pathname.slice(`/${BUCKET}/`.length),
    );
    expect((await put(upload, PNG)).status).toBe(200);
    expect((await announce(stagingKey)).status).toBe(200);
    const { records: rows } = await auditOf(String(upload.objectId));
    const by = rows.find((row) => row.action === 'upload.uploaded')?.detail.announced_by;
    if (by !== undefined) return by;
  }
  return undefined;
};

const auditOf = async (objectId: string) => {
  const { default: pg } = await import('pg');
  const client = new pg.Client({ connectionString: broker.databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ action: string; detail: Record<string, unknown> }>(
      'SELECT action, detail FROM audit_event WHERE object_id = $1',
      [objectId],
    );
    return { records: rows };
  } finally {
    await client.end();
  }
};

const STAGING = `.daypass-staging/ob_1/${'0'.repeat(32)}`;

describe('S10 an event of S3', () => {
  it.each(['1', '2'])('that SNS signed (version %s) has its object looked at', async (version) => {
    const by = await announced((key) =>
      post('s3', clouds.message({ ...noticeOf(key), SignatureVersion: version })),
    );
    expect(by).toBe('sns');
  });

  it('from EventBridge, or of a server that sends Ceph’s records, is heard by its secret', async () => {
    const bridge = (key: string) => ({
      'detail-type': 'Object Created',
      detail: { bucket: { name: BUCKET }, object: { key } },
    });
    const secret = { 'x-daypass-event-secret': SECRET };
    expect(await announced((key) => post('s3', bridge(key), secret))).toBe('secret');
    const ceph = (key: string) => post('s3', records(key, BUCKET, { opaqueData: SECRET }));
    expect(await announced(ceph)).toBe('secret');
  });

  it.each<[string, () => object]>([
    ['unsigned', () => ({ ...clouds.message(noticeOf(STAGING)), Signature: '' })],
    ['not in the shape of SNS', () => ({ TopicArn: TOPIC, Type: 'Notification' })],
    [
      'of a topic nobody named',
      () => clouds.message({ ...noticeOf(STAGING), TopicArn: `${TOPIC}2` }),
    ],
    [
      'older than an hour',
      () =>
        clouds.message({
          ...noticeOf(STAGING),
          Timestamp: new Date(nowOf().getTime() - 3_700_000).toISOString(),
        }),
    ],
    [
      'of the future',
      () =>
        clouds.message({
          ...noticeOf(STAGING),
          Timestamp: new Date(nowOf().getTime() + 200_000).toISOString(),
        }),
    ],
    [
      'with a signature version that there is not',
      () => clouds.message({ ...noticeOf(STAGING), SignatureVersion: '3' }),
    ],
    ...[
      'https://evil.example/SimpleNotificationService-ab.pem',
      'https://sns.eu-west-1.amazonaws.com.evil.example/SimpleNotificationService-ab.pem',
      'https://sns.us-east-1.amazonaws.com/SimpleNotificationService-ab.pem',
      'http://sns.eu-west-1.amazonaws.com/SimpleNotificationService-ab.pem',
      'https://sns.eu-west-1.amazonaws.com:8443/SimpleNotificationService-ab.pem',
      'https://sns.eu-west-1.amazonaws.com@169.254.169.254/SimpleNotificationService-ab.pem',
      'https://x@sns.eu-west-1.amazonaws.com/SimpleNotificationService-ab.pem',
      'https://sns.eu-west-1.amazonaws.com/?Action=evil',
      'http://169.254.169.254/latest/meta-data/',
    ].map((url): [string, () => object] => [
      `with a certificate at ${url}`,
      () => clouds.message({ ...noticeOf(STAGING), SigningCertURL: url }),
    ]),
    ['with no secret', () => records(STAGING)],
    ['with another secret', () => records(STAGING, BUCKET, { opaqueData: `${SECRET}x` })],
  ])('%s is refused, and nothing is fetched', async (name, make) => {
    const answer = await post('s3', make());
    expect(answer).toMatchObject({ status: 401, body: { error: 'invalid_token' } });
    // Only an empty signature over all that is right has to be held against the certificate.
    expect(clouds.calls.filter((url) => url !== CERTIFICATE_URL)).toEqual([]);
    if (name !== 'unsigned') expect(clouds.calls).toEqual([]);
  });

  it('signed by a stranger, or changed afterwards, is refused', async () => {
    const forged = clouds.message(noticeOf(STAGING), { key: clouds.stranger });
    expect((await post('s3', forged)).status).toBe(401);
    const changed = { ...clouds.message(noticeOf(STAGING)), Subject: 'another' };
    expect((await post('s3', changed)).status).toBe(401);
  });

  it('is heard once: a replay is refused', async () => {
    const message = clouds.message(noticeOf(STAGING));
    expect((await post('s3', message)).status).toBe(200);
    expect(await post('s3', message)).toMatchObject({
      status: 409,
      body: { violations: [{ rule: 'seen_before' }] },
    });
  });

  it.each(['acme-silent', 'somebody-elses'])(
    'of another bucket (%s) is refused',
    async (bucket) => {
      expect(await post('s3', clouds.message(noticeOf(STAGING, bucket)))).toMatchObject({
        status: 403,
        body: { violations: [{ rule: 'other_bucket' }] },
      });
    },
  );

  const subscribe = (url: string) =>
    clouds.message(said({ Type: 'SubscriptionConfirmation', Token: 't', SubscribeURL: url }));
  const CONFIRM = `https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=${encodeURIComponent(TOPIC)}&Token=t`;

  it('that asks for a confirmation gets it, from SNS and nowhere else', async () => {
    expect((await post('s3', subscribe(CONFIRM))).status).toBe(200);
    expect(clouds.calls.filter((url) => url !== CERTIFICATE_URL)).toEqual([CONFIRM]);
  });

  it.each([
    'http://169.254.169.254/latest/meta-data/?Action=ConfirmSubscription',
    'https://localhost/?Action=ConfirmSubscription',
    CONFIRM.replace('eu-west-1.amazonaws.com', 'eu-west-1.amazonaws.com.evil.example'),
    CONFIRM.replace('ConfirmSubscription', 'DeleteTopic'),
    CONFIRM.replace('uploads', 'another'),
  ])('with a SubscribeURL at %s is refused, and it is not called', async (url) => {
    expect((await post('s3', subscribe(url))).status).toBe(401);
    expect(clouds.calls.filter((call) => call !== CERTIFICATE_URL)).toEqual([]);
  });
});

describe('S10 an event of Google', () => {
  const push = (bucket = 'acme-google') => ({
    message: {
      attributes: { eventType: 'OBJECT_FINALIZE', bucketId: bucket, objectId: STAGING },
      messageId: '1',
    },
    subscription: 's',
  });
  const CLAIMS = { iss: GOOGLE, aud: AUDIENCE, email: ACCOUNT, email_verified: true, sub: '1' };
  const by = async (claims: object, stranger = false) => ({
    authorization: `Bearer ${await clouds.token({ ...CLAIMS, ...claims }, seconds(), ...(stranger ? [clouds.stranger] : []))}`,
  });

  it('that the subscription’s account signed is heard', async () => {
    expect((await post('gcs', push(), await by({}))).status).toBe(200);
  });

  it.each<[string, object]>([
    ['for another audience', { aud: 'https://other.example' }],
    ['for several audiences', { aud: [AUDIENCE, 'https://other.example'] }],
    ['of another account', { email: 'someone@gmail.com' }],
    ['of an account that is not verified', { email_verified: false }],
    ['of another issuer', { iss: 'https://evil.example' }],
    ['that has expired', { iat: 1_000, exp: 4_600 }],
    ['that lives a day', { exp: 4_000_000_000 }],
  ])('with a token %s is refused, and nothing is fetched', async (_, claims) => {
    expect((await post('gcs', push(), await by(claims))).status).toBe(401);
    expect(clouds.calls).toEqual([]);
  });

  it('without a token, or with a stranger’s signature, is refused', async () => {
    expect((await post('gcs', push())).status).toBe(401);
    expect((await post('gcs', push(), await by({}, true))).status).toBe(401);
  });

  it('of another bucket is refused', async () => {
    expect((await post('gcs', push('another'), await by({}))).status).toBe(403);
  });
});

describe('S10 an event of Azure', () => {
  const event = (container = 'acme-blobs', account = 'acmestorage') => [
    {
      eventType: 'Microsoft.Storage.BlobCreated',
      topic: `/subscriptions/x/resourceGroups/y/providers/Microsoft.Storage/storageAccounts/${account}`,
      subject: `/blobServices/default/containers/${container}/blobs/${STAGING}`,
      data: { api: 'PutBlob' },
    },
  ];
  const CLAIMS = { iss: ENTRA, aud: 'api://daypass', azp: EVENT_GRID };
  const by = async (claims: object = {}) => ({
    authorization: `Bearer ${await clouds.token({ ...CLAIMS, ...claims }, seconds())}`,
  });
  const secret = { 'x-daypass-event-secret': SECRET };

  it('is heard by Entra’s token or by its secret, in either schema', async () => {
    expect((await post('azure', event(), await by())).status).toBe(200);
    expect((await post('azure', event(), secret)).status).toBe(200);
    const [{ eventType: type, topic: source, ...rest } = { eventType: '', topic: '' }] = event();
    const cloudEvent = { specversion: '1.0', type, source, ...rest };
    expect((await post('azure', cloudEvent, secret)).status).toBe(200);
  });

  it.each<[string, object]>([
    ['for another audience', { aud: 'api://other' }],
    ['of another application', { azp: 'another' }],
    ['of another tenant', { iss: ENTRA.replace('1111', '2222') }],
  ])('with a token %s is refused, and nothing is fetched', async (_, claims) => {
    expect((await post('azure', event(), await by(claims))).status).toBe(401);
    expect(clouds.calls).toEqual([]);
  });

  it('of another container, or of another account’s, is refused', async () => {
    expect((await post('azure', event('another'), secret)).status).toBe(403);
    expect((await post('azure', event('acme-blobs', 'another'), secret)).status).toBe(403);
  });

  it('that validates the subscription is answered to whoever is proven, and its URL is never called', async () => {
    const validation = [
      {
        eventType: 'Microsoft.EventGrid.SubscriptionValidationEvent',
        data: { validationCode: 'c0de', validationUrl: 'http://169.254.169.254/' },
      },
    ];
    expect(await post('azure', validation, secret)).toEqual({
      status: 200,
      body: { validationResponse: 'c0de' },
    });
    expect((await post('azure', validation)).status).toBe(401);
    expect(clouds.calls).toEqual([]);
  });

  it('may be asked for by Event Grid, and by no other origin (CloudEvents webhooks §4)', async () => {
    const ask = (origin: string) =>
      fetch(`${broker.url}/events/azure`, {
        method: 'OPTIONS',
        headers: { 'webhook-request-origin': origin },
      });
    const allowed = await ask('eventgrid.azure.net');
    expect(allowed.status).toBe(200);
    expect(allowed.headers.get('webhook-allowed-origin')).toBe('eventgrid.azure.net');
    expect((await ask('evil.example')).headers.get('webhook-allowed-origin')).toBeNull();
  });
});
