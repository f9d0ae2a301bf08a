import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
// @ts-expect-error it comes without types
import S3rver from '@20minutes/s3rver';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DeploymentDocument } from '../../src/config/deployment.ts';
import { type Azurite, startAzurite } from '../support/azurite.ts';
import { createClient, newKey } from '../support/client.ts';
import { startTestDaypass, type TestDaypass } from '../support/daypass.ts';
import { type GcsStandIn, startGcsStandIn } from '../support/gcs-stand-in.ts';
import { onS3 } from '../support/s3-story.ts';
import { PNG, startStory } from '../support/upload-story.ts';

/** A ticket is the same on every provider: it is the broker that keeps it. */

const BUCKET = 'acme-project-123';
const common = { id: 'project-123', tenant: 'acme', bucket: BUCKET };

const itKeepsTickets = (broker: () => TestDaypass): void => {
  let story: Awaited<ReturnType<typeof startStory>>;
  let objectId: string;
  beforeAll(async () => {
    story = await startStory(broker());
    const { body } = await story.requestUpload();
    expect([200, 201]).toContain((await story.put(body, PNG)).status);
    objectId = String(body.objectId);
    expect(await story.settled(objectId)).toMatchObject({ status: 'available' });
  }, 60_000);

  const ask = async (asked: object = {}) => {
    const { client, key, token } = story;
    const body = { objectId, ...asked };
    const answer = await client.call('/request-download', { body, token, key });
    expect(answer.status).toBe(201);
    return String(answer.body.downloadUrl);
  };
  const get = (url: string, init: RequestInit = {}) => fetch(url, { redirect: 'manual', ...init });

  it('streams once, from the origin of content, as an attachment that runs nothing', async () => {
    const url = await ask();
    expect(new URL(url).origin).toBe(broker().contentOrigin);
    expect((await get(url, { method: 'HEAD' })).status).toBe(405);
    // A part would leave the rest unread for ever: the whole comes, whatever was asked for.
    const first = await get(url, { headers: { range: 'bytes=0-3' } });
    expect(first.status).toBe(200);
    expect(Buffer.from(await first.arrayBuffer())).toEqual(PNG);
    expect(first.headers.get('content-disposition')).toMatch(/^attachment/);
    expect(first.headers.get('content-type')).toBe('image/png');
    expect(first.headers.get('x-content-type-options')).toBe('nosniff');
    expect(first.headers.get('content-security-policy')).toContain('sandbox');
    expect((await get(url)).status).toBe(410);
  });

  it('streams to one of many who come at once', async () => {
    const url = await ask();
    const answers = await Promise.all(Array.from({ length: 8 }, () => get(url)));
    await Promise.all(answers.map((answer) => answer.arrayBuffer()));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array(7).fill(410)]);
  });

  it('redirects once, from the origin of content, to what serves the object as an attachment', async () => {
    const url = await ask({ delivery: 'redirect' });
    expect(new URL(url).origin).toBe(broker().contentOrigin);
    const first = await get(url);
    expect([first.status, first.headers.get('cache-control')]).toEqual([303, 'no-store']);
    const object = await get(String(first.headers.get('location')));
    expect(Buffer.from(await object.arrayBuffer())).toEqual(PNG);
    expect(object.headers.get('content-disposition')).toMatch(/^attachment/);
    expect((await get(url)).status).toBe(410);
  });

  it('streams what the security desk took away and gave back', async () => {
    const client = createClient(broker().url);
    const key = newKey();
    const { body } = await client.call('/exchange', {
      body: { app_id: 'daypass-cli', resource: `${broker().issuer}/admin`, actions: ['admin'] },
      token: await broker().signIn('sam', 'daypass'),
      key,
      bound: false,
    });
    const token = String(body.access_token);
    for (const decision of ['quarantine', 'release']) {
      const path = `/admin/v1/uploads/${objectId}/${decision}`;
      expect((await client.call(path, { body: {}, token, key })).status).toBe(200);
    }
    const download = await get(await ask());
    expect(Buffer.from(await download.arrayBuffer())).toEqual(PNG);
  }, 60_000);

  it('honours a range where nothing is used up', async () => {
    const url = await ask({ once: false });
    for (let times = 0; times < 2; times += 1) {
      const part = await get(url, { headers: { range: 'bytes=4-7' } });
      expect(part.status).toBe(206);
      expect(Buffer.from(await part.arrayBuffer())).toEqual(PNG.subarray(4, 8));
    }
  });
};

describe('a ticket for an object on the local disk', () => {
  let broker: TestDaypass;
  beforeAll(async () => {
    broker = await startTestDaypass();
  }, 60_000);
  afterAll(() => broker?.stop());
  itKeepsTickets(() => broker);
});

describe('a ticket for an object on S3', () => {
  let broker: TestDaypass;
  let stopServer: () => Promise<void>;
  beforeAll(async () => {
    const directory = await mkdtemp(join(tmpdir(), 's3rver-'));
    const configureBuckets = [{ name: BUCKET }];
    const server = new S3rver({
      address: '127.0.0.1',
      port: 0,
      silent: true,
      directory,
      configureBuckets,
    });
    const { port } = await server.run();
    stopServer = async () => {
      server.httpServer.closeAllConnections();
      await server.close();
      await rm(directory, { recursive: true });
    };
    broker = await startTestDaypass({
      configure: onS3({
        endpoint: `http://127.0.0.1:${port}`,
        bucket: BUCKET,
        region: 'us-east-1',
      }),
      env: { A: 'S3RVER', B: 'S3RVER' },
    });
  }, 60_000);
  afterAll(async () => {
    await broker?.stop();
    await stopServer?.();
  });
  itKeepsTickets(() => broker);
});

describe('a ticket for a blob on Azure', () => {
  let azurite: Azurite;
  let broker: TestDaypass;
  beforeAll(async () => {
    azurite = await startAzurite();
    await azurite.createContainer(BUCKET);
    const { account, endpoint, accountKey } = azurite;
    const credentials = { account, account_key_env: 'K' };
    broker = await startTestDaypass({
      configure: (demo: DeploymentDocument) => ({
        ...demo,
        buckets: [{ ...common, provider: 'azure', endpoint, credentials }],
      }),
      env: { K: accountKey },
    });
  }, 60_000);
  afterAll(async () => {
    await broker?.stop();
    await azurite?.stop();
  });
  itKeepsTickets(() => broker);
});

describe('a ticket for an object on Google', () => {
  let google: GcsStandIn;
  let broker: TestDaypass;
  beforeAll(async () => {
    google = await startGcsStandIn();
    broker = await startTestDaypass({
      configure: (demo: DeploymentDocument) => ({
        ...demo,
        buckets: [
          {
            ...common,
            provider: 'gcs',
            endpoint: google.endpoint,
            credentials: { service_account_env: 'K' },
          },
        ],
      }),
      env: { K: google.serviceAccount },
    });
  }, 60_000);
  afterAll(async () => {
    await broker?.stop();
    await google?.stop();
  });
  itKeepsTickets(() => broker);
});
