import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Client, createClient, newKey } from '../support/client.ts';
import { startTestDaypass, type TestDaypass } from '../support/daypass.ts';

let broker: TestDaypass;
let client: Client;
const key = newKey();

beforeAll(async () => {
  broker = await startTestDaypass();
  client = createClient(broker.url);
}, 60_000);
afterAll(() => broker?.stop());

const admin = async () => {
  const { body } = await client.call('/exchange', {
    body: { app_id: 'daypass-cli', resource: `${broker.url}/admin`, actions: ['admin'] },
    token: await broker.signIn('sam', 'daypass'),
    key,
    bound: false,
  });
  return { token: String(body.access_token), tokenId: String(body.token_id) };
};

const revoke = (token: string, target: object, more: object = {}) =>
  client.call('/admin/v1/revocations', {
    body: { target, reason: 'a test', ...more },
    token,
    key,
  });

/** Sends the head and the first byte of a request, does `meanwhile`, and then sends the rest. */
const dawdle = (path: string, token: string, body: object, meanwhile: () => Promise<unknown>) =>
  new Promise<string>((resolve, reject) => {
    const text = JSON.stringify(body);
    const { port, host } = new URL(broker.url);
    const url = `${broker.url}${path}`;
    const proof = key.prove({ method: 'POST', url, nonce: client.nonce(), accessToken: token });
    const socket = connect(Number(port), '127.0.0.1');
    let answer = '';
    socket.on('data', (chunk) => {
      answer += String(chunk);
    });
    socket.on('end', () => resolve(answer));
    socket.on('error', reject);
    socket.write(
      `POST ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\nAuthorization: DPoP ${token}\r\n` +
        `DPoP: ${proof}\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n${text.slice(0, 1)}`,
    );
    // Long enough for the door to have let the request in.
    setTimeout(() => {
      meanwhile().then(() => socket.write(text.slice(1)), reject);
    }, 300);
  });

describe('an admin who dawdles over the body', () => {
  it('does nothing any more once revoked', async () => {
    const slow = await admin();
    const quick = await admin();
    const body = { target: { app_id: 'lowcode' }, reason: 'too late' };
    const answer = await dawdle('/admin/v1/revocations', slow.token, body, async () => {
      expect(await revoke(quick.token, { token_id: slow.tokenId })).toMatchObject({ status: 201 });
    });
    expect(answer).toMatch(/^HTTP\/1\.1 401 /);
    const list = await client.call('/admin/v1/revocations', { token: quick.token, key });
    expect(list.text).not.toContain('too late');
  });
});

describe('the door everyone comes through', () => {
  it('is not blocked from the inside, and its sessions can be ended', async () => {
    const { token } = await admin();
    expect(await revoke(token, { app_id: 'daypass-cli' })).toMatchObject({
      status: 400,
      body: { violations: [{ rule: 'admin_client' }] },
    });
    expect(await revoke(token, { app_id: 'daypass-cli' }, { block: false })).toMatchObject({
      status: 201,
    });
    expect(await revoke(token, { app_id: 'lowcode' })).toMatchObject({ status: 401 });
    expect((await admin()).token).toMatch(/^dp_at_/);
  });

  it('keeps no token that somebody pastes into a reason', async () => {
    const { token } = await admin();
    const answer = await revoke(token, { app_id: 'lowcode' }, { reason: `found ${token} online` });
    expect(answer).toMatchObject({ status: 400, body: { violations: [{ rule: 'no_token' }] } });
    expect(answer.text).not.toContain(token);
  });
});
