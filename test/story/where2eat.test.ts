import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestDaypass, type TestDaypass } from '../support/daypass.ts';
import { PNG, startStory } from '../support/upload-story.ts';

let broker: TestDaypass;

beforeAll(async () => {
  broker = await startTestDaypass();
}, 60_000);
afterAll(() => broker?.stop());

describe('the main job, end to end', () => {
  it('signs in, exchanges, uploads, validates, downloads once, revokes and is refused', async () => {
    const { client, key, token, tokenId, requestUpload, put, settled } = await startStory(broker);

    const upload = await requestUpload();
    expect(upload).toMatchObject({ status: 201, body: { method: 'PUT' } });
    expect((await put(upload.body, PNG)).status).toBe(200);
    const { objectId } = upload.body;
    expect(await settled(objectId)).toMatchObject({ status: 'available', size: PNG.length });

    const download = await client.call('/request-download', { body: { objectId }, token, key });
    expect(download).toMatchObject({ status: 201, body: { once: true, guarantee: 'single_use' } });
    const first = await fetch(String(download.body.downloadUrl));
    expect(Buffer.from(await first.arrayBuffer())).toEqual(PNG);
    expect((await fetch(String(download.body.downloadUrl))).status).toBe(410);

    const admin = await client.call('/exchange', {
      body: { app_id: 'daypass-cli', resource: `${broker.url}/admin`, actions: ['admin'] },
      token: await broker.signIn('sam', 'daypass'),
      key,
      bound: false,
    });
    expect(admin.status).toBe(200);
    const receipt = await client.call('/admin/v1/revocations', {
      body: { target: { token_id: tokenId }, reason: 'seen in a notebook' },
      token: String(admin.body.access_token),
      key,
    });
    expect(receipt).toMatchObject({ status: 201, body: { killed: { tokens: 1 } } });
    expect(await requestUpload()).toMatchObject({ status: 401, body: { error: 'invalid_token' } });
  });
});
