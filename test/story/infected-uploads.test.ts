import { createServer, type Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createClient, newKey } from '../support/client.ts';
import { startTestDaypass, type TestDaypass } from '../support/daypass.ts';
import { freePort } from '../support/rig.ts';
import { startStory } from '../support/upload-story.ts';
import { eicar } from '../support/uploads-gone-wrong.ts';

/** Malware, and what the security desk decides on it. The scanner speaks clamd's protocol; test/antivirus has a real one. */

let scanner: Server;
let broker: TestDaypass;
let story: Awaited<ReturnType<typeof startStory>>;
let asAdmin: (path: string, options?: object) => ReturnType<typeof story.client.call>;

/** One signature: EICAR's. An empty piece is the end of a file (clamd(8), INSTREAM). */
const startScanner = async (port: number): Promise<Server> => {
  const server = createServer((socket) => {
    let heard = Buffer.alloc(0);
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      heard = Buffer.concat([heard, chunk]);
      if (heard.readUInt32BE(heard.length - 4) !== 0) return;
      socket.end(heard.includes(eicar()) ? 'stream: Eicar FOUND\0' : 'stream: OK\0');
    });
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return server;
};

beforeAll(async () => {
  const port = await freePort();
  scanner = await startScanner(port);
  broker = await startTestDaypass({
    configure: (demo) => ({
      ...demo,
      apps: (demo.apps ?? []).map((app) => ({
        ...app,
        grants: (app.grants ?? []).map((grant) =>
          'prefix' in grant ? { ...grant, content_types: ['*/*'] } : grant,
        ),
      })),
      buckets: (demo.buckets ?? []).map((bucket) => ({
        ...bucket,
        validate: { antivirus: `clamd://127.0.0.1:${port}` },
      })),
    }),
  });
  story = await startStory(broker);
  const client = createClient(broker.url);
  const key = newKey();
  const { body } = await client.call('/exchange', {
    body: { app_id: 'daypass-cli', resource: `${broker.issuer}/admin`, actions: ['admin'] },
    token: await broker.signIn('sam', 'daypass'),
    key,
    bound: false,
  });
  const token = String(body.access_token);
  asAdmin = (path, options) => client.call(`/admin/v1${path}`, { ...options, token, key });
}, 60_000);
afterAll(async () => {
  await broker?.stop();
  scanner?.close();
});

const uploaded = async (bytes: Buffer) => {
  const described = { filename: 'a.txt', contentType: 'text/plain', size: bytes.length };
  const { body } = await story.requestUpload(described);
  expect((await story.put(body, bytes)).status).toBe(200);
  const answer = await story.settled(body.objectId);
  return { objectId: String(body.objectId), answer };
};

const statusOf = async (objectId: string) => (await broker.ledger.objects.find(objectId))?.status;

describe('malware', () => {
  it('is quarantined, not rejected: it is the security desk that decides on it', async () => {
    const { objectId, answer } = await uploaded(eicar());
    expect(answer).toMatchObject({
      status: 'quarantined',
      reason: expect.stringContaining('Eicar'),
      report: { violations: [{ rule: 'malware' }] },
    });
    const listed = await asAdmin('/uploads?status=quarantined');
    expect(listed.body.items).toMatchObject([{ object_id: objectId }]);
    expect((await asAdmin(`/uploads/${objectId}`, { method: 'DELETE' })).status).toBe(204);
    expect(await statusOf(objectId)).toBe('deleted');
  });
});

describe('the security desk', () => {
  it('deletes nothing that is available: what is to go is quarantined first', async () => {
    const { objectId, answer } = await uploaded(Buffer.from('a clean menu'));
    expect(answer).toMatchObject({ status: 'available' });
    expect(await asAdmin(`/uploads/${objectId}`, { method: 'DELETE' })).toMatchObject({
      status: 409,
      body: { violations: [{ field: 'id', rule: 'upload_status' }] },
    });
    expect(await statusOf(objectId)).toBe('available');
  });

  it('releases what it answers for, also where the token it came by was revoked', async () => {
    const { objectId } = await uploaded(Buffer.from('another clean menu'));
    await asAdmin(`/uploads/${objectId}/quarantine`, { body: {} });
    const target = { token_id: story.tokenId };
    const revoked = await asAdmin('/revocations', {
      body: { target, reason: 'lost', block: false },
    });
    expect(revoked.status).toBe(201);
    const released = await asAdmin(`/uploads/${objectId}/release`, { body: {} });
    expect(released).toMatchObject({ status: 200, body: { status: 'available' } });
  });
});
