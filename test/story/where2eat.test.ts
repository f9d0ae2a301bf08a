import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Client, createClient, newKey } from '../support/client.ts';
import { startTestDaypass } from '../support/daypass.ts';

type Broker = Awaited<ReturnType<typeof startTestDaypass>>;
let broker: Broker;
let client: Client;
const key = newKey();

beforeAll(async () => {
  broker = await startTestDaypass();
  client = createClient(broker.url);
}, 60_000);
afterAll(() => broker?.stop());

const eventually = async <Value>(
  read: () => Promise<Value>,
  is: (value: Value) => boolean,
): Promise<Value> => {
  for (let tries = 0; tries < 100; tries += 1) {
    const value = await read();
    if (is(value)) return value;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('it never came about');
};

describe('the main job, end to end', () => {
  it('signs in, exchanges, uploads, validates, downloads once, revokes and is refused', async () => {
    const idToken = await broker.signIn('ana', 'where2eat');
    const exchanged = await client.call('/exchange', {
      body: {
        app_id: 'where2eat',
        resource: 'bucket:project-123',
        actions: ['read', 'write'],
        ttl: 300,
      },
      token: idToken,
      key,
      bound: false,
    });
    expect(exchanged).toMatchObject({
      status: 200,
      body: { token_type: 'DPoP', expires_in: 300, binding: { method: 'dpop', jkt: key.jkt } },
    });
    const token = exchanged.body.access_token as string;

    const png = Buffer.from(
      'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
      'base64',
    );
    const upload = await client.call('/request-upload', {
      body: { filename: 'menu.png', size: png.length, contentType: 'image/png' },
      token,
      key,
    });
    expect(upload.body).toMatchObject({ method: 'PUT' });
    expect(upload.status).toBe(201);
    const put = await fetch(upload.body.uploadUrl as string, {
      method: 'PUT',
      headers: upload.body.headers as Record<string, string>,
      body: png,
    });
    expect(put.status).toBe(200);

    const objectId = upload.body.objectId as string;
    await client.call(`/uploads/${objectId}/complete`, { method: 'POST', token, key });
    await eventually(
      () => client.call(`/uploads/${objectId}`, { token, key }),
      ({ body }) => body.status === 'available',
    );

    const download = await client.call('/request-download', { body: { objectId }, token, key });
    expect(download).toMatchObject({ status: 201, body: { once: true, guarantee: 'single_use' } });
    const url = download.body.downloadUrl as string;
    const first = await fetch(url);
    expect(Buffer.from(await first.arrayBuffer())).toEqual(png);
    expect((await fetch(url)).status).toBe(410);

    const admin = await client.call('/exchange', {
      body: { app_id: 'daypass-cli', resource: `${broker.url}/admin`, actions: ['admin'] },
      token: await broker.signIn('sam', 'daypass'),
      key,
      bound: false,
    });
    expect(admin.status).toBe(200);
    const receipt = await client.call('/admin/v1/revocations', {
      body: { target: { token_id: exchanged.body.token_id }, reason: 'seen in a notebook' },
      token: admin.body.access_token as string,
      key,
    });
    expect(receipt).toMatchObject({ status: 201, body: { killed: { tokens: 1 } } });

    const refused = await client.call('/request-upload', {
      body: { filename: 'menu.png', size: png.length, contentType: 'image/png' },
      token,
      key,
    });
    expect(refused).toMatchObject({ status: 401, body: { error: 'invalid_token' } });
  });
});
