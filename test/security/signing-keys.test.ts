import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from 'jose';
import { ORDERS, SECRET } from './deployment.ts';
import { refuses } from './refusal.ts';
import { basic, eventually, openStage, type Stage } from './stage.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await openStage({ instances: 2 });
}, 60_000);
afterAll(() => stage?.stop());

interface KeyItem {
  readonly kid: string;
  readonly alg: string;
  readonly state: string;
  readonly signs_from: string | null;
  readonly ready_at: string | null;
  readonly publish_until: string | null;
}

const admin = async (path: string, body?: object, groups = ['security']) => {
  const { token, key } = await stage.adminOf(groups);
  return stage.client.call(`/admin/v1/keys${path}`, { token, key, ...(body && { body }) });
};
const keysOf = ({ body }: { readonly body: object }, alg = 'ES256'): KeyItem[] =>
  ((body as { keys?: KeyItem[] }).keys ?? (body as { items: KeyItem[] }).items ?? []).filter(
    (key) => key.alg === alg,
  );
const inState = (keys: readonly KeyItem[], state: string) =>
  keys.filter((key) => key.state === state).map(({ kid }) => kid);
const list = async (alg?: string) => keysOf(await admin(''), alg);

/** A JWT for the orders API, from either instance. */
const token = async (through = stage.client): Promise<string> => {
  const answer = await through.call('/token', {
    form: { grant_type: 'client_credentials', resource: ORDERS, scope: 'orders:read' },
    headers: { authorization: basic('nightly-report', SECRET) },
  });
  if (answer.status !== 200) throw new Error(`no token: ${answer.text}`);
  return String(answer.body.access_token);
};
const kidOf = (jwt: string): string => String(decodeProtectedHeader(jwt).kid);

const published = async (through = stage.client) =>
  (await through.call('/jwks')).body as unknown as JSONWebKeySet;
const verifies = async (jwt: string, keys: JSONWebKeySet): Promise<boolean> =>
  jwtVerify(jwt, createLocalJWKSet(keys), {
    audience: ORDERS,
    issuer: stage.issuer,
    currentDate: stage.broker.ledger.clock.now(),
  }).then(
    () => true,
    () => false,
  );
const introspect = async (jwt: string, through = stage.client) =>
  (
    await through.call('/introspect', {
      form: { token: jwt },
      headers: { authorization: basic('orders-api', SECRET) },
    })
  ).body.active;

/** Both instances sign with it. */
const signedBy = (kid: string) =>
  eventually(async () => {
    const kids = await Promise.all(stage.clients.map(async (client) => kidOf(await token(client))));
    return kids.every((one) => one === kid);
  });

describe('rotation of signing keys', () => {
  it('waits until verifiers know the next key, says when, and then happens on every instance', async () => {
    const before = await token();
    await admin('/rotate', { now: true }); // a next key that is young
    const asked = await admin('/rotate', {});
    const [next] = inState(keysOf(asked), 'next');
    const item = keysOf(asked).find(({ kid }) => kid === next);
    expect(asked.body.rotations).toEqual([
      { alg: 'ES256', outcome: 'scheduled', kid: next, signs_from: item?.ready_at },
    ]);
    expect(item?.signs_from).toBe(item?.ready_at);
    expect(kidOf(await token())).not.toBe(next);
    await stage.advance(590);
    expect(kidOf(await token())).not.toBe(next);
    await stage.advance(11);
    await signedBy(String(next));
    for (const client of stage.clients) {
      const keys = await published(client);
      expect(await verifies(await token(), keys)).toBe(true);
      expect(keys.keys.map(({ kid }) => kid)).toContain(kidOf(before));
    }
  });

  it('happens at once where the next key has been published long enough', async () => {
    await stage.advance(601);
    const [next] = inState(await list(), 'next');
    const rotated = await admin('/rotate', {}, ['platform']);
    expect(rotated.body.rotations).toEqual([
      { alg: 'ES256', outcome: 'rotated', kid: next, signs_from: expect.any(String) },
    ]);
    expect(inState(keysOf(rotated), 'active')).toEqual([next]);
    expect(kidOf(await token())).toBe(next);
    await signedBy(String(next));
  });

  it('forced, does not wait', async () => {
    const [next] = inState(await list(), 'next');
    const { body } = await admin('/rotate', { now: true });
    expect(body.rotations).toEqual([expect.objectContaining({ outcome: 'rotated', kid: next })]);
    expect(kidOf(await token())).toBe(next);
  });

  it('happens on schedule, without anybody', async () => {
    const [next] = inState(await list(), 'next');
    await stage.advance(90 * 86_400);
    await signedBy(String(next));
    const rows = await stage.query<{ detail: { by: string } }>(
      `SELECT detail FROM audit_event WHERE action = 'key.activate' AND detail ->> 'kid' = $1`,
      [next],
    );
    expect(rows).toEqual([{ detail: expect.objectContaining({ by: 'schedule' }) }]);
  });

  it('takes a key out of the set when all it signed has expired, and forgets its private half', async () => {
    const old = kidOf(await token());
    await admin('/rotate', { now: true });
    const item = (await list()).find(({ kid }) => kid === old);
    expect(item?.state).toBe('retiring');
    const remaining = Date.parse(String(item?.publish_until)) / 1000 - stage.now();
    expect(remaining).toBeGreaterThan(3_600); // the ceiling of the deployment, and skew
    expect(remaining).toBeLessThan(3_661);
    await stage.advance(3_600);
    expect(inState(await list(), 'retiring')).toContain(old);
    await stage.advance(61);
    await eventually(async () => inState(await list(), 'retired').includes(old));
    for (const client of stage.clients)
      await eventually(async () => !(await published(client)).keys.some(({ kid }) => kid === old));
    const rows = await stage.query<{ sealed: Buffer }>(
      'SELECT sealed FROM signing_key WHERE kid = $1',
      [old],
    );
    expect(rows[0]?.sealed).toHaveLength(0);
  });

  it('shows no private half, sealed or not, and no key that the ledger does not know', async () => {
    const answer = await admin('');
    const rows = await stage.query<{ kid: string; sealed: Buffer; state: string }>(
      'SELECT kid, sealed, state FROM signing_key',
    );
    for (const { sealed } of rows) {
      if (sealed.length === 0) continue;
      for (const encoding of ['base64', 'base64url', 'hex'] as const)
        expect(answer.text).not.toContain(sealed.subarray(-24).toString(encoding).slice(0, 24));
    }
    expect(answer.text).not.toMatch(/"(?:d|p|q|sealed)":/);
    const live = rows.filter(({ state }) => /next|active|retiring/.test(state));
    const { keys } = await published();
    expect(keys.map(({ kid }) => kid).toSorted()).toEqual(live.map(({ kid }) => kid).toSorted());
    for (const key of keys) expect(key).not.toHaveProperty('d');
  });
});

describe('emergency revocation of a signing key', () => {
  it('leaves no token of it alive and no gap: another key signs on every instance', async () => {
    const held = await stage.tokenOf({ body: { resource: ORDERS, actions: ['orders:read'] } });
    await signedBy(kidOf(held.token));
    const jwts = [held.token, await token(stage.clients[0]), await token(stage.clients[1])];
    const kid = kidOf(held.token);
    expect(await introspect(held.token)).toBe(true);

    const answer = await admin(`/${kid}/revoke`, { reason: 'seen in a core dump' });
    expect(answer.status).toBe(200);
    // At once, also from an instance that has not looked since.
    for (const client of stage.clients) {
      const fresh = await token(client);
      expect(kidOf(fresh)).not.toBe(kid);
      expect(await verifies(fresh, await published())).toBe(true);
      for (const jwt of jwts) expect(await introspect(jwt, client)).toBe(false);
    }
    expect((await published()).keys.map((key) => key.kid)).not.toContain(kid);
    await eventually(
      async () => !(await published(stage.clients[1])).keys.some((key) => key.kid === kid),
    );
    for (const jwt of jwts) expect(await verifies(jwt, await published())).toBe(false);

    expect(answer.body).toMatchObject({
      target: { key_id: kid },
      killed: { tokens: expect.any(Number) },
      residual: [expect.objectContaining({ kind: 'jwt' })],
    });
    expect((answer.body.killed as { tokens: number }).tokens).toBeGreaterThanOrEqual(3);
    const keys = keysOf(answer);
    expect(inState(keys, 'revoked')).toContain(kid);
    expect(inState(keys, 'active')).toHaveLength(1);
    expect(inState(keys, 'next')).toHaveLength(1);

    const events = await stage.query<{ action: string; user_id: string }>(
      `SELECT action, user_id FROM audit_event
       WHERE action IN ('key.revoke', 'revocation.create')
         AND (detail ->> 'kid' = $1 OR detail ->> 'target' = 'key:' || $1) ORDER BY action`,
      [kid],
    );
    expect(events.map(({ action }) => action)).toEqual(['key.revoke', 'revocation.create']);
    for (const { user_id } of events) expect(user_id).toMatch(/^u_/);
  });

  it('may be asked again, and lifting its block brings nothing back', async () => {
    const kid = kidOf(await token());
    const first = await admin(`/${kid}/revoke`, { reason: 'once' });
    const second = await admin(`/${kid}/revoke`, { reason: 'twice' });
    expect([first.status, second.status]).toEqual([200, 200]);
    expect(second.body).toMatchObject({ killed: { tokens: 0 } });
    const { token: desk, key } = await stage.adminOf(['security']);
    for (const { body } of [first, second]) {
      const path = `/admin/v1/revocations/${body.revocation_id}`;
      await stage.client.call(path, { method: 'DELETE', token: desk, key });
    }
    expect((await published()).keys.map((one) => one.kid)).not.toContain(kid);
    expect(inState(await list(), 'revoked')).toContain(kid);
  });

  it('replaces a next key too, and one that was being retired signs nothing that is believed', async () => {
    await admin('/rotate', { now: true });
    for (const state of ['next', 'retiring']) {
      const [kid] = inState(await list(), state);
      const signing = kidOf(await token());
      const answer = await admin(`/${kid}/revoke`, { reason: `the ${state} one` });
      expect(inState(keysOf(answer), 'revoked')).toContain(kid);
      expect(keysOf(answer).find((one) => one.kid === kid)?.publish_until).toBeNull();
      expect(inState(keysOf(answer), 'active')).toEqual([signing]);
      expect(inState(keysOf(answer), 'next')).toHaveLength(1);
      expect((await published()).keys.map((one) => one.kid)).not.toContain(kid);
    }
  });

  it('by way of a revocation of the key does the same within a moment', async () => {
    const jwt = await token();
    await stage.revoke({ key_id: kidOf(jwt) });
    for (const client of stage.clients) {
      await eventually(
        async () => !(await published(client)).keys.some(({ kid }) => kid === kidOf(jwt)),
      );
      await eventually(async () => kidOf(await token(client).catch(() => jwt)) !== kidOf(jwt));
      expect(await introspect(jwt, client)).toBe(false);
    }
  });

  it('of a key that does not exist is a 404, and of one without a reason is refused', async () => {
    const { token: desk, key } = await stage.adminOf(['security']);
    const call = (kid: string, body: object) => () =>
      stage.client.call(`/admin/v1/keys/${kid}/revoke`, { token: desk, key, body });
    const unknown = { status: 404, error: 'not_found', rule: 'unknown_key', audited: true };
    await refuses(stage, unknown, call('no-such-key', { reason: 'a guess' }));
    const refused = { status: 400, error: 'invalid_request', audited: true };
    await refuses(stage, refused, call(kidOf(await token()), {}));
    await refuses(stage, { ...refused, rule: 'no_token' }, call('x', { reason: await token() }));
  });
});

describe('other algorithms', () => {
  it.each(['EdDSA', 'RS256'] as const)('%s signs for the API that wants it', async (alg) => {
    await stage.reconfigure((draft) => {
      Object.assign(draft.resource_servers[0] as object, { token_alg: alg });
    });
    try {
      for (const client of stage.clients) {
        let jwt = '';
        await eventually(async () => {
          jwt = await token(client).catch(() => '');
          return jwt !== '' && decodeProtectedHeader(jwt).alg === alg;
        });
        await eventually(async () => verifies(jwt, await published(client)));
      }
      expect(inState(await list(alg), 'active')).toHaveLength(1);
      expect(inState(await list(alg), 'next')).toHaveLength(1);
    } finally {
      await stage.reconfigure(() => undefined);
    }
  });
});
