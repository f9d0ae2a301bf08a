import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DEMO_SECRET } from '../../src/compose/configuration.ts';
import { newKey } from '../support/client.ts';
import { startTestDaypass, type TestDaypass } from '../support/daypass.ts';
import { PNG, startStory } from '../support/upload-story.ts';

/** What a receipt says of what is dead, and of what is not. */

let broker: TestDaypass;
beforeAll(async () => {
  broker = await startTestDaypass();
}, 60_000);
afterAll(() => broker?.stop());

type Story = Awaited<ReturnType<typeof startStory>>;

const stored = async ({ requestUpload, put, settled }: Story): Promise<string> => {
  const upload = await requestUpload();
  await put(upload.body, PNG);
  const objectId = String(upload.body.objectId);
  expect(await settled(objectId)).toMatchObject({ status: 'available' });
  return objectId;
};

const download = async ({ client, token, key }: Story, objectId: string, asked: object = {}) => {
  const body = { objectId, ...asked };
  const answer = await client.call('/request-download', { body, token, key });
  expect(answer.status).toBe(201);
  return answer.body as { downloadUrl: string; expiresAt: string };
};

const openAdmin = async ({ client }: Story) => {
  const key = newKey();
  const { body } = await client.call('/exchange', {
    body: { app_id: 'daypass-cli', resource: `${broker.url}/admin`, actions: ['admin'] },
    token: await broker.signIn('sam', 'daypass'),
    key,
    bound: false,
  });
  const credential = { token: String(body.access_token), key };
  return {
    revoke: async (order: object) => {
      const body = { reason: 'a test', ...order };
      const answer = await client.call('/admin/v1/revocations', { body, ...credential });
      expect(answer.status).toBe(201);
      return answer.body;
    },
    read: async (id: unknown) =>
      (await client.call(`/admin/v1/revocations/${String(id)}`, credential)).body,
    lift: (id: unknown) =>
      client.call(`/admin/v1/revocations/${String(id)}`, { method: 'DELETE', ...credential }),
  };
};

describe('the receipt of a revocation', () => {
  it('counts what died and, with when it ends and what would help, what did not', async () => {
    const story = await startStory(broker);
    const admin = await openAdmin(story);
    const objectId = await stored(story);
    const pending = (await story.requestUpload()).body;
    await download(story, objectId);
    const used = await download(story, objectId);
    await (await fetch(used.downloadUrl)).arrayBuffer();
    const presigned = await download(story, objectId, { once: false });

    const receipt = await admin.revoke({ target: { token_id: story.tokenId } });
    expect(receipt).toMatchObject({
      target: { token_id: story.tokenId },
      block: false,
      killed: { tokens: 1, derived: 0, refresh_families: 0, tickets: 1 },
      contained_objects: 0,
    });
    const residual = receipt.residual as Record<string, unknown>[];
    expect(residual.toSorted((a, b) => String(a.kind).localeCompare(String(b.kind)))).toEqual([
      {
        kind: 'presigned_get',
        provider: 'local',
        count: 1,
        usable_until: presigned.expiresAt,
        mitigation: expect.stringMatching(/./),
      },
      {
        kind: 'presigned_put',
        provider: 'local',
        count: 1,
        usable_until: pending.expiresAt,
        mitigation: expect.stringMatching(/./),
      },
    ]);
    expect(await admin.read(receipt.revocation_id)).toEqual(receipt);

    // It told the truth: the presigned URL still serves, and what arrives now is never released.
    expect((await fetch(presigned.downloadUrl)).status).toBe(200);
    expect((await story.put(pending, PNG)).status).toBe(200);
  });

  it('counts the tokens that others verify offline', async () => {
    const story = await startStory(broker);
    const admin = await openAdmin(story);
    const issued = await story.client.call('/token', {
      form: { grant_type: 'client_credentials', resource: 'https://orders.acme.example' },
      headers: { authorization: `Basic ${btoa(`nightly-report:${DEMO_SECRET}`)}` },
    });
    expect(issued.status).toBe(200);
    const { residual, killed, block } = await admin.revoke({
      target: { app_id: 'nightly-report' },
    });
    expect({ killed, block }).toMatchObject({ killed: { tokens: 1 }, block: true });
    expect(residual).toEqual([expect.objectContaining({ kind: 'jwt', provider: null, count: 1 })]);
  });
});

describe('contain_objects', () => {
  it('quarantines what was uploaded under the target, and nothing else', async () => {
    const [kept, story] = [await startStory(broker), await startStory(broker)];
    const admin = await openAdmin(story);
    const [untouched, contained] = [await stored(kept), await stored(story)];
    const ticket = await download(kept, contained);

    const receipt = await admin.revoke({
      target: { token_id: story.tokenId },
      contain_objects: true,
    });
    expect(receipt).toMatchObject({ contained_objects: 1 });

    const { client, key, token } = kept;
    const { items } = (await client.call('/objects', { token, key })).body;
    const ids = (items as { objectId: string }[]).map(({ objectId }) => objectId);
    expect(ids).toContain(untouched);
    expect(ids).not.toContain(contained);
    const ask = { body: { objectId: contained }, token, key };
    expect((await client.call('/request-download', ask)).status).toBe(404);
    // A ticket that another token had drawn on it delivers nothing either.
    expect((await fetch(ticket.downloadUrl)).status).toBe(410);
    expect(await broker.ledger.objects.find(contained)).toMatchObject({
      status: 'quarantined',
      reason: expect.stringContaining(String(receipt.revocation_id)),
    });
    const about = { objectId: contained, action: 'upload.quarantined' };
    const [event] = await broker.ledger.audit.search(about, { limit: 1, after: undefined });
    expect(event).toMatchObject({
      action: 'upload.quarantined',
      outcome: 'denied',
      tokenId: story.tokenId,
      detail: { revocation_id: receipt.revocation_id },
    });
  });

  it('is asked for: without it, what was uploaded stays', async () => {
    const [kept, story] = [await startStory(broker), await startStory(broker)];
    const admin = await openAdmin(story);
    const objectId = await stored(story);
    const receipt = await admin.revoke({ target: { token_id: story.tokenId } });
    expect(receipt).toMatchObject({ contained_objects: 0 });
    await download(kept, objectId);
  });

  it('holds for a whole app, and lifting the block releases nothing', async () => {
    const story = await startStory(broker);
    const admin = await openAdmin(story);
    const objectId = await stored(story);
    const receipt = await admin.revoke({ target: { app_id: 'where2eat' }, contain_objects: true });
    expect(Number(receipt.contained_objects)).toBeGreaterThan(0);
    expect((await admin.lift(receipt.revocation_id)).status).toBe(204);
    const after = await startStory(broker);
    const { items } = (await after.client.call('/objects', after)).body;
    expect(items).toEqual([]);
    expect(await broker.ledger.objects.find(objectId)).toMatchObject({ status: 'quarantined' });
  });
});

describe('the receipt, when time has passed', () => {
  it('counts derived tokens, and none that had ended', async () => {
    const story = await startStory(broker);
    const admin = await openAdmin(story);
    const { client, key, token, tokenId } = story;
    for (const ttl of [300, 60]) {
      const body = { actions: ['read'], ttl };
      expect((await client.call('/exchange', { body, token, key })).status).toBe(200);
    }
    broker.advance(61);
    const { killed } = await admin.revoke({ target: { token_id: tokenId } });
    expect(killed).toMatchObject({ tokens: 1, derived: 1 });
  });
});
