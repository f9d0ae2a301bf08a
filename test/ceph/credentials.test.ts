import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  PutObjectRetentionCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DeploymentDocument } from '../../src/config/deployment.ts';
import { newKey } from '../support/client.ts';
import { startTestDaypass, type TestDaypass } from '../support/daypass.ts';
import { onS3 } from '../support/s3-story.ts';
import { startStory } from '../support/upload-story.ts';
import { CEPH_CREDENTIALS, placeOnCeph } from './gateway.ts';

/** What the token service of a real gateway makes of the credentials we lend. */

const ROLE = 'arn:aws:iam:::role/UploadRole';
const PREFIX = '/where2eat/{app_id}/uploads/{user_id}/';
const GRANT = {
  resource: 'bucket:project-123',
  actions: ['read', 'write', 'list', 'delete'],
  max_ttl: '1h',
};

let broker: TestDaypass;
let own: S3Client;
let bucket: string;

/** The app's grant without limits that no cloud enforces, and a bucket that lends. */
const lending = (demo: DeploymentDocument): DeploymentDocument => ({
  ...demo,
  apps: (demo.apps ?? []).map((app) => ({
    ...app,
    grants: app.id === 'where2eat' ? [{ ...GRANT, prefix: PREFIX }] : (app.grants ?? []),
  })),
  buckets: (demo.buckets ?? []).map((each) =>
    each.provider === 's3'
      ? { ...each, temporary_credentials: { role_arn: ROLE, direct_write: true } }
      : each,
  ),
});

beforeAll(async () => {
  const place = await placeOnCeph();
  bucket = place.bucket;
  own = new S3Client({ ...place, forcePathStyle: true, credentials: CEPH_CREDENTIALS });
  broker = await startTestDaypass({
    configure: (demo) => lending(onS3(place)(demo)),
    env: { A: CEPH_CREDENTIALS.accessKeyId, B: CEPH_CREDENTIALS.secretAccessKey },
  });
}, 60_000);
afterAll(async () => {
  own?.destroy();
  await broker?.stop();
});

type Answer = Readonly<Record<string, unknown>>;

const clientOf = (answer: Answer): S3Client => {
  const lent = answer.credentials as Record<string, string> & { pathStyle: unknown };
  return new S3Client({
    endpoint: String(lent.endpoint),
    region: String(lent.region),
    forcePathStyle: lent.pathStyle === true,
    maxAttempts: 1,
    credentials: {
      accessKeyId: String(lent.accessKeyId),
      secretAccessKey: String(lent.secretAccessKey),
      sessionToken: String(lent.sessionToken),
    },
  });
};

/** The status a call ends with. */
const statusOf = async (call: Promise<{ $metadata: { httpStatusCode?: number } }>) => {
  try {
    return (await call).$metadata.httpStatusCode;
  } catch (error) {
    return (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
  }
};

const openStory = async () => {
  const story = await startStory(broker);
  const borrow = (body: object) =>
    story.client.call('/request-credentials', { body, token: story.token, key: story.key });
  return { ...story, borrow };
};

describe('credentials of the cloud, lent for a prefix', () => {
  it('read below the prefix and nowhere else, and do nothing else', async () => {
    const { borrow } = await openStory();
    const answer = await borrow({ actions: ['read'] });
    expect(answer.status).toBe(201);
    const key = String(answer.body.prefix).slice(1);
    for (const Key of [`${key}a.txt`, 'elsewhere/a.txt', `${key.slice(0, -1)}2/a.txt`]) {
      await own.send(new PutObjectCommand({ Bucket: bucket, Key, Body: 'x' }));
    }
    const lent = clientOf(answer.body);
    const get = (Key: string) => statusOf(lent.send(new GetObjectCommand({ Bucket: bucket, Key })));
    expect(await get(`${key}a.txt`)).toBe(200);
    expect(await get('elsewhere/a.txt')).toBe(403);
    expect(await get(`${key.slice(0, -1)}2/a.txt`)).toBe(403);
    const place = { Bucket: bucket, Key: `${key}a.txt` };
    expect(await statusOf(lent.send(new PutObjectCommand({ ...place, Body: 'y' })))).toBe(403);
    expect(await statusOf(lent.send(new DeleteObjectCommand(place)))).toBe(403);
    const list = new ListObjectsV2Command({ Bucket: bucket, Prefix: key });
    expect(await statusOf(lent.send(list))).toBe(403);
    lent.destroy();
  });

  it('are for a folder whose name is not ASCII as for any other, and say which is too long', async () => {
    const { borrow } = await openStory();
    const mine = String((await borrow({ actions: ['list'] })).body.prefix);
    const folder = `${mine}menüs/日本/`;
    const answer = await borrow({ actions: ['read', 'list'], prefix: folder });
    expect(answer.status).toBe(201);
    for (const key of [`${folder}a.txt`, `${mine}menüs/日/a.txt`]) {
      await own.send(new PutObjectCommand({ Bucket: bucket, Key: key.slice(1), Body: 'x' }));
    }
    const lent = clientOf(answer.body);
    const get = (key: string) =>
      statusOf(lent.send(new GetObjectCommand({ Bucket: bucket, Key: key.slice(1) })));
    expect(await get(`${folder}a.txt`)).toBe(200);
    expect(await get(`${mine}menüs/日/a.txt`)).toBe(403);
    lent.destroy();
    const prefix = `${mine}${'日'.repeat(200)}/`;
    const long = await borrow({ actions: ['read', 'list'], prefix });
    expect([long.status, long.body.violations]).toMatchObject([400, [{ rule: 'prefix_length' }]]);
  });

  it('list the prefix and never the bucket', async () => {
    const { borrow } = await openStory();
    const answer = await borrow({ actions: ['list'] });
    const lent = clientOf(answer.body);
    const list = (Prefix?: string) =>
      statusOf(lent.send(new ListObjectsV2Command({ Bucket: bucket, ...(Prefix && { Prefix }) })));
    expect(await list(String(answer.body.prefix).slice(1))).toBe(200);
    expect(await list()).toBe(403);
    expect(await list('.daypass-staging/')).toBe(403);
    lent.destroy();
  });

  it('never reach staging, nor anything about retention', async () => {
    const { borrow, requestUpload, put } = await openStory();
    const upload = (await requestUpload()).body;
    const body = Buffer.from(
      'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
      'base64',
    );
    expect((await put(upload, body)).status).toBe(200);
    const staged = new URL(String(upload.uploadUrl)).pathname.split('/').slice(2).join('/');
    const answer = await borrow({ actions: ['read', 'write', 'list', 'delete'] });
    const lent = clientOf(answer.body);
    const place = { Bucket: bucket, Key: decodeURIComponent(staged) };
    expect(await statusOf(own.send(new GetObjectCommand(place)))).toBe(200);
    expect(await statusOf(lent.send(new GetObjectCommand(place)))).toBe(403);
    expect(await statusOf(lent.send(new PutObjectCommand({ ...place, Body: 'y' })))).toBe(403);
    expect(await statusOf(lent.send(new DeleteObjectCommand(place)))).toBe(403);
    const Key = `${String(answer.body.prefix).slice(1)}kept.txt`;
    expect(
      await statusOf(lent.send(new PutObjectCommand({ Bucket: bucket, Key, Body: 'y' }))),
    ).toBe(200);
    const RetainUntilDate = new Date(Date.now() + 60_000);
    const retention = { Bucket: bucket, Key, Retention: { Mode: 'GOVERNANCE', RetainUntilDate } };
    expect(await statusOf(lent.send(new PutObjectRetentionCommand(retention as never)))).toBe(403);
    lent.destroy();
  });

  it('are refused by the cloud itself from the promised moment on, though the session is longer', async () => {
    const { borrow } = await openStory();
    // The broker's clock is moved back, so that its promise of 60 s ends in a few: the gateway's is not ours to move.
    broker.advance(-55);
    try {
      const answer = await borrow({ actions: ['list'], ttl: 60 });
      expect(answer.status).toBe(201);
      const lent = clientOf(answer.body);
      const list = () =>
        statusOf(
          lent.send(
            new ListObjectsV2Command({
              Bucket: bucket,
              Prefix: String(answer.body.prefix).slice(1),
            }),
          ),
        );
      const end = Date.parse(String(answer.body.expiresAt));
      const before = await list();
      if (Date.now() < end) expect(before).toBe(200);
      while (Date.now() <= end + 1_000) await new Promise((resolve) => setTimeout(resolve, 200));
      expect(await list()).toBe(403);
      lent.destroy();
    } finally {
      broker.advance(55);
    }
  });

  it('are on record, and in the receipt of a revocation until they end', async () => {
    const { borrow, client, tokenId } = await openStory();
    const { body } = await borrow({ actions: ['read'], ttl: 600 });
    const key = newKey();
    const signedIn = await client.call('/exchange', {
      body: { app_id: 'daypass-cli', resource: `${broker.url}/admin`, actions: ['admin'] },
      token: await broker.signIn('sam', 'daypass'),
      key,
      bound: false,
    });
    const admin = { token: String(signedIn.body.access_token), key };
    const audit = await client.call(
      `/admin/v1/audit?token_id=${tokenId}&action=credentials.request`,
      admin,
    );
    expect(audit.body.items).toMatchObject([
      { outcome: 'granted', detail: { credential_id: body.credentialsId, provider: 's3' } },
    ]);
    expect(audit.text).not.toContain(
      String((body.credentials as Record<string, unknown>).accessKeyId),
    );
    const receipt = await client.call('/admin/v1/revocations', {
      body: { target: { token_id: tokenId }, reason: 'a test' },
      ...admin,
    });
    expect(receipt.body.residual).toEqual([
      {
        kind: 'cloud_credentials',
        provider: 's3',
        count: 1,
        usable_until: body.expiresAt,
        mitigation: expect.stringContaining('AWSRevokeOlderSessions'),
      },
    ]);
    expect((await borrow({ actions: ['read'] })).status).toBe(401);
  });
});
