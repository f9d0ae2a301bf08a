import { hash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createObjectFiles } from '../../src/storage/local/object-files.ts';
import { newKey } from '../support/client.ts';
import { startTestDaypass, type TestDaypass } from '../support/daypass.ts';
import { PNG, startStory } from '../support/upload-story.ts';

let broker: TestDaypass;
let story: Awaited<ReturnType<typeof startStory>>;
let objectId: string;

beforeAll(async () => {
  broker = await startTestDaypass();
  story = await startStory(broker);
  const upload = await story.requestUpload();
  await story.put(upload.body, PNG);
  objectId = String(upload.body.objectId);
  expect(await story.settled(objectId)).toMatchObject({ status: 'available' });
}, 60_000);
afterAll(() => broker?.stop());

const ask = async (asked: object) => {
  const { client, key, token } = story;
  const answer = await client.call('/request-download', {
    body: { objectId, ...asked },
    token,
    key,
  });
  expect(answer.status).toBe(201);
  return { ...answer.body, url: String(answer.body.downloadUrl) };
};

const get = (url: string) => fetch(url, { redirect: 'manual' });

/** What is on record of the use of tickets, newest first. */
const uses = () =>
  broker.ledger.audit.search({ action: 'download.redeem' }, { limit: 2, after: undefined });

describe('what is on record of a revoked token', () => {
  it('is whoever still presents it with its key, and not who lacks the key', async () => {
    const { client, key, token, tokenId } = await startStory(broker);
    const admin = newKey();
    const { body } = await client.call('/exchange', {
      body: { app_id: 'daypass-cli', resource: `${broker.url}/admin`, actions: ['admin'] },
      token: await broker.signIn('sam', 'daypass'),
      key: admin,
      bound: false,
    });
    const byAdmin = { token: String(body.access_token), key: admin };
    const revoked = await client.call('/admin/v1/revocations', {
      body: { target: { token_id: tokenId }, reason: 'a test' },
      ...byAdmin,
    });
    expect(revoked.status).toBe(201);

    const search = async () => {
      const path = `/admin/v1/audit?token_id=${tokenId}&outcome=denied`;
      return (await client.call(path, byAdmin)).body.items;
    };
    expect((await client.call('/objects', { token, key: newKey() })).status).toBe(401);
    expect(await search()).toEqual([]);

    const late = await client.call('/objects', { token, key });
    expect(late).toMatchObject({ status: 401, body: { error: 'invalid_token' } });
    expect((await client.call('/exchange', { body: {}, token, key })).status).toBe(401);
    const row = {
      action: 'token.use',
      app_id: 'where2eat',
      reason: expect.stringContaining('revoked'),
    };
    const rows = await search();
    expect(rows).toEqual([expect.objectContaining(row), expect.objectContaining(row)]);
    expect(rows).toEqual(
      expect.arrayContaining([expect.objectContaining({ request_id: late.body.request_id })]),
    );
  });
});

describe('delivery: redirect', () => {
  it('answers 303 once, to a URL that serves the object, and 410 ever after', async () => {
    const { url, guarantee } = { guarantee: undefined, ...(await ask({ delivery: 'redirect' })) };
    expect(guarantee).toBe('single_issue');
    const first = await get(url);
    expect(first.status).toBe(303);
    expect(first.headers.get('cache-control')).toBe('no-store');
    expect(first.headers.get('referrer-policy')).toBe('no-referrer');
    const object = await get(String(first.headers.get('location')));
    expect(Buffer.from(await object.arrayBuffer())).toEqual(PNG);
    expect(object.headers.get('content-disposition')).toMatch(/^attachment/);

    const again = await get(url);
    expect(again.status).toBe(410);
    expect(again.headers.get('location')).toBeNull();
  });

  it('signs for at most 60 s', async () => {
    const { url } = await ask({ delivery: 'redirect', ttl: 300 });
    const location = String((await get(url)).headers.get('location'));
    broker.advance(55);
    expect((await get(location)).status).toBe(200);
    broker.advance(6);
    expect((await get(location)).status).toBe(403);
  });

  it('signs for no longer than the ticket itself had left', async () => {
    const { url } = await ask({ delivery: 'redirect', ttl: 60 });
    broker.advance(50);
    const location = String((await get(url)).headers.get('location'));
    expect((await get(location)).status).toBe(200);
    broker.advance(11);
    expect((await get(location)).status).toBe(403);
  });
});

describe('what is on record of a ticket', () => {
  it('is its use, and whoever comes back with it', async () => {
    const { url } = await ask({});
    await (await get(url)).arrayBuffer();
    expect((await get(url)).status).toBe(410);
    const [second, first] = await uses();
    const about = { appId: 'where2eat', objectId, tokenId: story.tokenId, tenantId: 'acme' };
    expect(first).toMatchObject({ ...about, outcome: 'granted', detail: { delivery: 'proxy' } });
    expect(second).toMatchObject({
      ...about,
      outcome: 'denied',
      reason: expect.stringMatching(/^gone/),
      detail: first?.detail,
    });
    expect(JSON.stringify([first, second])).not.toMatch(/dp_dl_/);
  });

  it('is nothing where there never was one', async () => {
    const [before] = await uses();
    expect((await get(`${broker.contentOrigin}/d/dp_dl_${'a'.repeat(38)}`)).status).toBe(410);
    const [after] = await uses();
    expect(after?.eventId).toBe(before?.eventId);
  });
});

describe('an object that changed in the storage itself', () => {
  const files = () => createObjectFiles(join(broker.home, 'objects', 'project-123'));
  const another = async (): Promise<string> => {
    const { body } = await story.requestUpload();
    await story.put(body, PNG);
    const id = String(body.objectId);
    expect(await story.settled(id)).toMatchObject({ status: 'available' });
    return id;
  };

  it.each([
    ['replaced', 'not what was inspected'],
    ['removed', undefined],
  ] as const)('is not sent once it was %s', async (_, content) => {
    const changed = await another();
    const { url } = await ask({ objectId: changed });
    const key = (await broker.ledger.objects.find(changed))?.key ?? '';
    await files().delete(key);
    if (content !== undefined) {
      const staged = await files().stage();
      await writeFile(staged.body, content);
      const sha256 = hash('sha256', content);
      await files().publish(staged, key, {
        size: content.length,
        sha256,
        contentType: 'image/png',
      });
    }
    const answer = await get(url);
    expect(answer.status).toBe(410);
    expect(await answer.text()).not.toContain('not what was inspected');
  });
});
