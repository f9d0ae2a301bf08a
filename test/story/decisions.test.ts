import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { decodeJwt } from 'jose';
import { type Client, createClient, newKey } from '../support/client.ts';
import { startTestDaypass } from '../support/daypass.ts';

/** What docs/decisions-left-open.md says we decided, as a caller meets it. */

const RESOURCE = 'bucket:project-123';
const FILE = { filename: 'menu.txt', size: 14, contentType: 'text/plain' };

let broker: Awaited<ReturnType<typeof startTestDaypass>>;
let client: Client;
/** Sam's way through the admin door. */
let admin: { token: string; key: ReturnType<typeof newKey> };

beforeAll(async () => {
  broker = await startTestDaypass();
  client = createClient(broker.url);
  const key = newKey();
  const { body } = await client.call('/exchange', {
    body: { app_id: 'daypass-cli', resource: `${broker.url}/admin`, actions: ['admin'], ttl: 3000 },
    token: await broker.signIn('sam', 'daypass'),
    key,
    bound: false,
  });
  admin = { token: String(body.access_token), key };
}, 60_000);
afterAll(() => broker?.stop());

const exchange = (idToken: string) =>
  client.call('/exchange', {
    body: { resource: RESOURCE, actions: ['read', 'write'] },
    token: idToken,
  });

const revoke = async (target: object) => {
  const { status, body } = await client.call('/admin/v1/revocations', {
    body: { target, reason: 'a test' },
    ...admin,
  });
  expect(status).toBe(201);
  const { revocation_id: id, effective_at: at, killed } = body;
  return { id: String(id), at: String(at), killed };
};

const lift = async (id: string) => {
  const path = `/admin/v1/revocations/${id}`;
  expect((await client.call(path, { method: 'DELETE', ...admin })).status).toBe(204);
};

/** A sign-in of a later second than `moment`. */
const signInAfter = async (moment: string): Promise<string> => {
  for (;;) {
    const idToken = await broker.signIn('ana', 'lowcode');
    if (Number(decodeJwt(idToken).iat) * 1000 > Date.parse(moment)) return idToken;
  }
};

describe('what lifting a block gives back', () => {
  it('an app may exchange an older sign-in again, and what was revoked stays dead', async () => {
    const idToken = await broker.signIn('ana', 'lowcode');
    const before = await exchange(idToken);
    const { id } = await revoke({ app_id: 'lowcode' });
    expect(await exchange(idToken)).toMatchObject({
      status: 403,
      body: { error: 'access_denied' },
    });

    await lift(id);
    expect((await exchange(idToken)).status).toBe(200);
    const dead = { body: FILE, token: String(before.body.access_token) };
    expect((await client.call('/request-upload', dead)).status).toBe(401);
  });

  it('a person must sign in again: sign-ins before the revocation stay refused', async () => {
    const idToken = await broker.signIn('ana', 'lowcode');
    const { body } = await exchange(idToken);
    const record = await client.call(`/admin/v1/tokens/${body.token_id}`, admin);
    const { id, at } = await revoke({ user_id: record.body.user_id });
    await lift(id);

    expect(await exchange(idToken)).toMatchObject({
      status: 401,
      body: { error: 'invalid_token' },
    });
    expect((await exchange(await signInAfter(at))).status).toBe(200);
  });
});

describe('what a receipt counts', () => {
  it('is what was alive: who revokes twice gets two receipts, the second with nothing in it', async () => {
    const { body } = await exchange(await broker.signIn('uma', 'lowcode'));
    const [token, target] = [String(body.access_token), { token_id: body.token_id }];
    const place = await client.call('/request-upload', { body: FILE, token });
    await fetch(String(place.body.uploadUrl), {
      method: 'PUT',
      headers: { 'content-type': FILE.contentType },
      body: 'Soup and bread',
    });
    const { objectId } = place.body;
    await client.call(`/uploads/${objectId}/complete`, { method: 'POST', token });
    let link = await client.call('/request-download', { body: { objectId }, token });
    while (link.status === 404)
      link = await client.call('/request-download', { body: { objectId }, token });

    const none = { derived: 0, refresh_families: 0 };
    expect((await revoke(target)).killed).toEqual({ tokens: 1, tickets: 1, ...none });
    expect((await revoke(target)).killed).toEqual({ tokens: 0, tickets: 0, ...none });
  });
});

describe('what a refusal costs', () => {
  it('uses the proof up: a refused request is not sent again as it was', async () => {
    const [idToken, key] = [await broker.signIn('ana', 'where2eat'), newKey()];
    const url = `${broker.url}/exchange`;
    await client.call('/exchange', { body: {}, token: idToken, key, bound: false });
    const proof = key.prove({ method: 'POST', url, nonce: client.nonce() });
    const send = (actions: string[]) =>
      client.call('/exchange', {
        body: { resource: RESOURCE, actions },
        token: idToken,
        headers: { DPoP: proof },
      });
    expect((await send(['fly'])).body.error).toBe('invalid_scope');
    expect((await send(['read'])).body.error).toBe('invalid_dpop_proof');
  });
});

describe('an upload that goes another way than foreseen', () => {
  it('is a 409 where it is said to be complete before anything was put', async () => {
    const { body } = await exchange(await broker.signIn('ana', 'lowcode'));
    const token = String(body.access_token);
    const place = await client.call('/request-upload', { body: FILE, token });
    const path = `/uploads/${place.body.objectId}/complete`;
    expect(await client.call(path, { method: 'POST', token })).toMatchObject({
      status: 409,
      body: { error: 'conflict', violations: [{ rule: 'not_uploaded' }] },
    });
  });
});
