import { expect } from '@jest/globals';
import { createClient, newKey } from './client.ts';
import type { TestDaypass } from './daypass.ts';

export const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);

/** Reads until `is` holds; fails after some seconds, 150 tries unless told otherwise. */
export const eventually = async <Value>(
  read: () => Promise<Value>,
  is: (value: Value) => boolean,
  most = 150,
): Promise<Value> => {
  for (let tries = 0; tries < most; tries += 1) {
    const value = await read();
    if (is(value)) return value;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('it never came about');
};

/** Ana, signed in and exchanged, with what she may do next. */
export const startStory = async (broker: Pick<TestDaypass, 'url' | 'signIn'>) => {
  const client = createClient(broker.url);
  const key = newKey();
  const exchanged = await client.call('/exchange', {
    body: { resource: 'bucket:project-123', actions: ['read', 'write', 'list', 'delete'] },
    token: await broker.signIn('ana', 'where2eat'),
    key,
    bound: false,
  });
  expect(exchanged.status).toBe(200);
  const token = String(exchanged.body.access_token);

  const requestUpload = (described: object = {}) =>
    client.call('/request-upload', {
      body: { filename: 'menu.png', size: PNG.length, contentType: 'image/png', ...described },
      token,
      key,
    });
  const put = (
    upload: Readonly<Record<string, unknown>>,
    body: Buffer,
    headers: Record<string, string> = {},
  ) =>
    fetch(String(upload.uploadUrl), {
      method: 'PUT',
      headers: { ...(upload.headers as Record<string, string>), ...headers },
      body,
    });
  const settled = async (objectId: unknown): Promise<Readonly<Record<string, unknown>>> => {
    const path = `/uploads/${String(objectId)}`;
    await client.call(`${path}/complete`, { method: 'POST', token, key });
    const ends = ['available', 'rejected', 'quarantined', 'expired'];
    const read = () => client.call(path, { token, key });
    return (await eventually(read, ({ body }) => ends.includes(String(body.status)))).body;
  };
  return {
    client,
    key,
    token,
    tokenId: String(exchanged.body.token_id),
    requestUpload,
    put,
    settled,
  };
};
