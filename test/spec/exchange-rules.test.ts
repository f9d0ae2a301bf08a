import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DeploymentDocument } from '../../src/config/deployment.ts';
import { type CallOptions, type Client, createClient, newKey } from '../support/client.ts';
import { startTestDaypass, type TestDaypass } from '../support/daypass.ts';

const ORDERS = 'https://orders.acme.example';
const BUCKET = 'bucket:project-123';
const NARROW = '/low/{user_id}/';
let broker: TestDaypass;
let client: Client;

/** lowcode with two grants of one API, two of one bucket, and a bucket that wants a lawful basis. */
const configure = (demo: DeploymentDocument): DeploymentDocument => ({
  ...demo,
  buckets: [
    ...(demo.buckets ?? []),
    {
      id: 'clinic',
      tenant: 'acme',
      provider: 'local',
      classification: 'confidential',
      residency: 'eu',
    },
  ],
  apps: demo.apps?.map((app) =>
    app.id === 'lowcode'
      ? {
          ...app,
          grants: [
            { resource: ORDERS, actions: ['orders:read'], max_ttl: '10m' },
            { resource: ORDERS, actions: ['orders:write'], max_ttl: '2m' },
            { resource: BUCKET, actions: ['read', 'write'], prefix: NARROW, max_size: '1KB' },
            { resource: BUCKET, actions: ['write'], prefix: NARROW, max_size: '1MB' },
            { resource: 'bucket:clinic', actions: ['read'], prefix: NARROW },
          ],
        }
      : app,
  ),
});

beforeAll(async () => {
  broker = await startTestDaypass({ configure });
  client = createClient(broker.url);
}, 60_000);
afterAll(() => broker?.stop());

const exchange = async (body: object, options: CallOptions = {}) =>
  client.call('/exchange', { body, token: await broker.signIn('ana', 'lowcode'), ...options });

describe('POST /exchange', () => {
  it('issues what several grants of one API allow together, for the shortest of their lives', async () => {
    const answer = await exchange({
      resource: ORDERS,
      actions: ['orders:read', 'orders:write'],
      ttl: 300,
    });
    expect(answer).toMatchObject({
      status: 200,
      body: { scopes: ['orders:read', 'orders:write'], expires_in: 120 },
    });
  });

  it('issues to the limits of the grant that holds all of an action, and refuses beyond every one', async () => {
    const asked = { resource: BUCKET, actions: ['write'] };
    const wide = await exchange({ ...asked, constraints: { max_size: 1_000_000 } });
    expect(wide).toMatchObject({
      status: 200,
      body: { authorization_details: [{ actions: ['write'], max_size: 1_000_000 }] },
    });
    const wider = await exchange({ ...asked, constraints: { max_size: 1_000_001 } });
    expect(wider).toMatchObject({ status: 400, body: { error: 'invalid_scope' } });
  });

  it('keeps the lawful basis of the subject token: restated or left out, never changed', async () => {
    const resource = 'bucket:clinic';
    const without = await exchange({ resource });
    expect(without).toMatchObject({
      status: 403,
      body: { error: 'access_denied', violations: [{ field: 'lawful_basis' }] },
    });
    const key = newKey();
    const first = await exchange({ resource, lawful_basis: 'contract' }, { key, bound: false });
    expect(first.status).toBe(200);
    const token = String(first.body.access_token);
    const narrow = (body: object) => client.call('/exchange', { body, token, key });
    expect(await narrow({ ttl: 60 })).toMatchObject({ status: 200 });
    expect(await narrow({ ttl: 60, lawful_basis: 'contract' })).toMatchObject({ status: 200 });
    expect(await narrow({ ttl: 60, lawful_basis: 'consent' })).toMatchObject({
      status: 400,
      body: { violations: [{ field: 'lawful_basis', rule: 'same_basis' }] },
    });
  });

  it('binds what is narrowed from an unbound token to the key that is proved beside it', async () => {
    const unbound = await exchange({ resource: BUCKET, actions: ['read'] });
    expect(unbound.body).toMatchObject({ token_type: 'Bearer', binding: null });
    const key = newKey();
    const bound = await client.call('/exchange', {
      body: { ttl: 60 },
      token: String(unbound.body.access_token),
      key,
      bound: false,
    });
    expect(bound).toMatchObject({
      status: 200,
      body: { token_type: 'DPoP', binding: { jkt: key.jkt } },
    });
  });

  it('answers a page of its own origin, which no app has', async () => {
    const own = await exchange({ resource: BUCKET }, { headers: { origin: broker.url } });
    expect(own.status).toBe(200);
    expect(own.headers.get('access-control-allow-origin')).toBeNull();
    const other = await exchange(
      { resource: BUCKET },
      { headers: { origin: 'https://evil.example' } },
    );
    expect(other.status).toBe(403);
  });

  it('lowers an asked life to what the sign-in has left, to the second, and refuses below the floor', async () => {
    const token = await broker.signIn('ana', 'lowcode');
    const key = newKey();
    const ask = (ttl: number) =>
      client.call('/exchange', {
        body: { resource: ORDERS, actions: ['orders:read'], ttl },
        token,
        key,
        bound: false,
      });
    expect((await ask(60)).status).toBe(200);
    broker.advance(3600 - 90);
    const last = await ask(120);
    expect(last.status).toBe(200);
    expect(Number(last.body.expires_in)).toBeLessThanOrEqual(90);
    expect(Number(last.body.expires_in)).toBeGreaterThanOrEqual(60);
    broker.advance(60);
    expect(await ask(60)).toMatchObject({
      status: 400,
      body: { violations: [{ rule: 'authority_ends' }] },
    });
  });
});
