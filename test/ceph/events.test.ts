import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { PutBucketNotificationConfigurationCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import pg from 'pg';
import type { DeploymentDocument } from '../../src/config/deployment.ts';
import { startTestDaypass, type TestDaypass } from '../support/daypass.ts';
import { onS3 } from '../support/s3-story.ts';
import { PNG, startStory } from '../support/upload-story.ts';
import { CEPH_CREDENTIALS, placeOnCeph } from './gateway.ts';

const SECRET = 'what-the-topic-sends-along';

let broker: TestDaypass;
let place: Awaited<ReturnType<typeof placeOnCeph>>;

beforeAll(async () => {
  place = await placeOnCeph();
  broker = await startTestDaypass({
    configure: (demo: DeploymentDocument) => {
      const onServer = onS3(place)(demo);
      const [bucket] = onServer.buckets ?? [];
      if (bucket?.provider !== 's3') throw new Error('no bucket');
      return { ...onServer, buckets: [{ ...bucket, events: { secret_env: 'EVENTS' } }] };
    },
    env: {
      A: CEPH_CREDENTIALS.accessKeyId,
      B: CEPH_CREDENTIALS.secretAccessKey,
      EVENTS: SECRET,
    },
  });
}, 60_000);
afterAll(() => broker?.stop());

/** The gateway speaks this much of SNS. curl signs for it, as there is no client of SNS here. */
const createTopic = async (name: string, attributes: Record<string, string>): Promise<string> => {
  const form = new URLSearchParams({ Action: 'CreateTopic', Name: name });
  for (const [at, [key, value]] of Object.entries(attributes).entries()) {
    form.set(`Attributes.entry.${at + 1}.key`, key);
    form.set(`Attributes.entry.${at + 1}.value`, value);
  }
  const { accessKeyId, secretAccessKey } = CEPH_CREDENTIALS;
  const signing = ['--aws-sigv4', `aws:amz:${place.region}:s3`];
  const user = ['-u', `${accessKeyId}:${secretAccessKey}`];
  const options = ['-s', '-m', '10', ...signing, ...user, '-d', form.toString()];
  const { stdout } = await promisify(execFile)('curl', [...options, place.endpoint]);
  const [, arn] = /<TopicArn>(.+)<\/TopicArn>/.exec(stdout) ?? [];
  if (arn === undefined) throw new Error(`no topic: ${stdout}`);
  return arn;
};

const announcedBy = async (objectId: unknown): Promise<unknown> => {
  const client = new pg.Client({ connectionString: broker.databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ by: string | null }>(
      `SELECT detail->>'announced_by' AS by FROM audit_event
       WHERE object_id = $1 AND action = 'upload.uploaded'`,
      [objectId],
    );
    return rows[0]?.by;
  } finally {
    await client.end();
  }
};

it("the gateway's own notification has an upload validated, by the secret of its topic", async () => {
  const arn = await createTopic('uploads', {
    'push-endpoint': `${broker.url.replace('localhost', '127.0.0.1')}/events/s3`,
    OpaqueData: SECRET,
  });
  const client = new S3Client({
    region: place.region,
    endpoint: place.endpoint,
    forcePathStyle: true,
    credentials: CEPH_CREDENTIALS,
  });
  await client.send(
    new PutBucketNotificationConfigurationCommand({
      Bucket: place.bucket,
      NotificationConfiguration: {
        TopicConfigurations: [{ Id: 'uploads', TopicArn: arn, Events: ['s3:ObjectCreated:*'] }],
      },
    }),
  );
  client.destroy();

  const { client: caller, key, token, requestUpload, put } = await startStory(broker);
  const seen: unknown[] = [];
  // The poller looks every two seconds, and may be faster once.
  for (let tries = 0; tries < 4 && !seen.includes('secret'); tries += 1) {
    const { body: upload } = await requestUpload();
    // The gateway pushes before it answers the PUT.
    expect((await put(upload, PNG)).status).toBe(200);
    seen.push(await announcedBy(upload.objectId));
    const { body } = await caller.call(`/uploads/${String(upload.objectId)}`, { token, key });
    expect(['uploaded', 'validating', 'available']).toContain(body.status);
  }
  expect(seen).toContain('secret');
});
