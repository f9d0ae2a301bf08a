import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { createPartPoller } from '../../src/broker/upload/part-poller.ts';
import type { DeploymentDocument } from '../../src/config/deployment.ts';
import { createGcsStore } from '../../src/storage/gcs/gcs-store.ts';
import { newKey } from '../support/client.ts';
import { startTestDaypass, type TestDaypass } from '../support/daypass.ts';
import { type GcsStandIn, startGcsStandIn } from '../support/gcs-stand-in.ts';
import { eventually, startStory } from '../support/upload-story.ts';

/** Uploads in parts, on a bucket that checks each signature. Those of a real gateway: test/ceph/large-upload.test.ts. */

const MB = 1024 ** 2;
const WEEK = 7 * 86_400_000;

interface Part {
  readonly partNumber: number;
  readonly size: number;
  readonly url: string;
  readonly headers: Record<string, string>;
}

let server: GcsStandIn;
let broker: TestDaypass;

/** Without limits of size and type, on the stand-in. */
const onGcs = (demo: DeploymentDocument): DeploymentDocument => ({
  ...demo,
  apps: (demo.apps ?? []).map(({ limits: _, ...app }) => ({
    ...app,
    grants: (app.grants ?? []).map(({ max_size: _size, content_types: _types, ...grant }) => grant),
  })),
  buckets: [
    {
      id: 'project-123',
      tenant: 'acme',
      provider: 'gcs',
      bucket: 'acme-project-123',
      endpoint: server.endpoint,
      credentials: { service_account_env: 'KEY' },
    },
  ],
});

beforeAll(async () => {
  server = await startGcsStandIn();
  broker = await startTestDaypass({ configure: onGcs, env: { KEY: server.serviceAccount } });
}, 60_000);
afterAll(async () => {
  await broker?.stop();
  await server?.stop();
});
afterEach(() => {
  server.before.begin = undefined;
  server.before.complete = undefined;
});

const bytesOf = ({ partNumber, size }: Pick<Part, 'partNumber' | 'size'>): Buffer =>
  Buffer.alloc(size, `part ${partNumber}\n`);

const put = async (part: Part, body = bytesOf(part)): Promise<number> => {
  const answer = await fetch(part.url, { method: 'PUT', headers: part.headers, body });
  await answer.arrayBuffer();
  return answer.status;
};

const open = async (size: number) => {
  const story = await startStory(broker);
  const { client, token, key } = story;
  const request = () =>
    story.requestUpload({
      filename: 'film.bin',
      contentType: 'application/octet-stream',
      size,
      multipart: true,
    });
  const call = (path: string, body?: object) =>
    client.call(path, { method: 'POST', ...(body && { body }), token, key });
  return { ...story, request, call };
};

/** By whom may do it. */
const revoke = async (tokenId: string): Promise<void> => {
  const { client } = await startStory(broker);
  const key = newKey();
  const signedIn = await client.call('/exchange', {
    body: { app_id: 'daypass-cli', resource: `${broker.issuer}/admin`, actions: ['admin'] },
    token: await broker.signIn('sam', 'daypass'),
    key,
    bound: false,
  });
  const receipt = await client.call('/admin/v1/revocations', {
    body: { target: { token_id: tokenId }, reason: 'a test' },
    token: String(signedIn.body.access_token),
    key,
  });
  expect(receipt.status).toBe(201);
};

const store = () =>
  createGcsStore({
    bucket: 'acme-project-123',
    endpoint: server.endpoint,
    credentials: { kind: 'service_account', json: () => server.serviceAccount },
  });

describe('an upload in parts on Google Cloud Storage', () => {
  it('becomes one object once all its parts are there, each of its size', async () => {
    const { request, call, settled } = await open(33 * MB);
    const { status, body } = await request();
    expect(status).toBe(201);
    const parts = body.parts as readonly Part[];
    expect(parts.map(({ size }) => size)).toEqual([16 * MB, 16 * MB, MB]);
    const [first, , last] = parts as [Part, Part, Part];
    expect(await put(first, bytesOf({ ...first, size: first.size - 1 }))).toBe(400);
    // A URL is for one part.
    const forged = last.url.replace('partNumber=3', 'partNumber=2');
    expect(await put({ ...last, url: forged })).toBe(403);
    for (const part of [last, first]) expect(await put(part)).toBe(200);
    const path = `/uploads/${String(body.objectId)}`;
    const early = await call(`${path}/complete`);
    expect([early.status, early.text]).toEqual([409, expect.stringContaining('missing: 2')]);
    const again = await call(`${path}/parts`, {});
    expect(again.body.arrived).toHaveLength(2);
    for (const part of again.body.parts as readonly Part[]) expect(await put(part)).toBe(200);
    expect(await settled(body.objectId)).toMatchObject({ status: 'available', size: 33 * MB });
    expect(server.unended()).toEqual([]);
    expect(await put(last)).toBe(404);
  }, 60_000);

  it('is completed by as many calls at once as come, and each is told so', async () => {
    const { request, call } = await open(1_000);
    const { body } = await request();
    for (const part of body.parts as readonly Part[]) expect(await put(part)).toBe(200);
    // All are there before the first is obeyed: the others find no upload any more.
    const all = Promise.withResolvers<void>();
    let there = 0;
    server.before.complete = () => {
      there += 1;
      if (there === 4) all.resolve();
      return all.promise;
    };
    const path = `/uploads/${String(body.objectId)}/complete`;
    const answers = await Promise.all([1, 2, 3, 4].map(() => call(path)));
    expect(answers.map(({ status }) => status)).toEqual([202, 202, 202, 202]);
    expect(there).toBe(4);
  });

  it('is told what became of it where it has left staging while it was being completed', async () => {
    const { request, call } = await open(1_000);
    const { body } = await request();
    for (const part of body.parts as readonly Part[]) expect(await put(part)).toBe(200);
    const objectId = String(body.objectId);
    const find = () => broker.ledger.objects.find(objectId);
    const both = Promise.withResolvers<void>();
    let there = 0;
    server.before.complete = async () => {
      there += 1;
      if (there === 1) return both.promise;
      both.resolve();
      // The other is done and the object settled before this one is obeyed.
      const object = await eventually(find, (found) => found?.status === 'available');
      await store().delete(object?.stagingKey ?? '');
    };
    const path = `/uploads/${objectId}/complete`;
    const answers = await Promise.all([call(path), call(path)]);
    expect(answers.map(({ status }) => status)).toEqual([202, 202]);
    expect(answers.map((answer) => answer.body.status)).toContain('available');
  });

  it('is not begun for good where what it came from is revoked while the storage begins it', async () => {
    const { request, tokenId } = await open(1_000);
    server.before.begin = async () => {
      await revoke(tokenId);
      // Whoever takes it back has been there, and found nothing yet.
      await eventually(
        () => broker.ledger.partUploads.abandoned(10),
        (left) => left.length === 0,
      );
    };
    const refused = await request();
    expect([refused.status, refused.body.error]).toEqual([401, 'invalid_token']);
    expect(refused.body).not.toHaveProperty('parts');
    expect(server.unended()).toEqual([]);
  });

  it('that is on no record is aborted a week later, and none that is waited for', async () => {
    const { request } = await open(1_000);
    expect((await request()).status).toBe(201);
    const waitedFor = server.unended();
    expect(waitedFor).toHaveLength(1);
    const orphan = { key: '.daypass-staging/ob_none/0123', contentType: 'text/plain' };
    await store().beginParts(orphan);
    const elsewhere = { key: 'reports/by-somebody-else', contentType: 'text/plain' };
    await store().beginParts(elsewhere);
    const failed: unknown[] = [];
    const sweepAt = (at: number) =>
      createPartPoller({
        ...broker.ledger,
        configuration: {
          get: () => ({ deployment: { buckets: [{ id: 'project-123' }] } }) as never,
        },
        stores: store,
        now: () => new Date(at),
        onError: (error) => void failed.push(error),
      }).sweep();
    await sweepAt(Date.now() + WEEK - 60_000);
    expect(server.unended()).toContain(orphan.key);
    await sweepAt(Date.now() + WEEK + 60_000);
    expect([...server.unended()].sort()).toEqual([...waitedFor, elsewhere.key].sort());
    expect(failed).toEqual([]);
  });
});
