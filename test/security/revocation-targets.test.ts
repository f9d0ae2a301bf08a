import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Answer, newKey } from '../support/client.ts';
import { ORDERS, SECRET } from './deployment.ts';
import { refusesEverywhere } from './refusal.ts';
import { basic, type Held, openStage, type Stage } from './stage.ts';

let stage: Stage;
let desk: Held;
beforeAll(async () => {
  stage = await openStage({ instances: 2 });
  desk = await stage.tokenOf({
    claims: { sub: 'desk', aud: 'daypass', groups: ['security'] },
    body: {
      app_id: 'daypass-cli',
      resource: `${stage.issuer}/admin`,
      actions: ['admin'],
      ttl: 3_000,
    },
  });
}, 60_000);
afterAll(() => stage?.stop());

type Target = Readonly<Record<string, unknown>>;
const PATH = '/admin/v1/revocations';

const ask = (target: Target, more: object = {}, { token, key }: Held = desk): Promise<Answer> =>
  stage.client.call(PATH, { body: { target, reason: 'an attack', ...more }, token, key });

const revoke = async (target: Target, more: object = {}): Promise<Answer> => {
  const answer = await ask(target, more);
  if (answer.status !== 201) throw new Error(`not revoked: ${answer.text}`);
  return answer;
};

const lift = async ({ body }: Answer): Promise<void> => {
  const { token, key } = desk;
  const path = `${PATH}/${body.revocation_id}`;
  expect((await stage.client.call(path, { method: 'DELETE', token, key })).status).toBe(204);
};

const item = async (id: string): Promise<Answer['body']> => {
  const { token, key } = desk;
  return (await stage.client.call(`/admin/v1/tokens/${id}`, { token, key })).body;
};

const uses = ({ token, key }: Held): Promise<Answer> =>
  stage.client.call('/objects', { token, key });

const narrows = ({ token, key }: Held): Promise<Answer> =>
  stage.client.call('/exchange', { body: {}, token, key });

const isDead = async (held: Held): Promise<boolean> => {
  const statuses = [(await uses(held)).status, (await narrows(held)).status];
  if (statuses[0] === 401) expect(statuses[1]).toBe(401);
  return statuses[0] === 401;
};

describe('R04 the latest not-before wins, in every order of older and newer', () => {
  /** Whether the lock at each level is older or newer than the token: any newer one kills it. */
  const LEVELS = ['user_id', 'app_id', 'tenant_id', 'issuer_id'] as const;
  const cases = Array.from({ length: 16 }, (_, bits) =>
    LEVELS.map((level, at) => ({ level, newer: (bits & (1 << at)) !== 0 })),
  );
  const nameOf = (locks: (typeof cases)[number]): string =>
    locks.map(({ level, newer }) => `${level} ${newer ? 'newer' : 'older'}`).join(', ');

  it.each(cases.map((locks) => [nameOf(locks), locks] as const))('R04 %s', async (_, locks) => {
    // Locks as they stand in the ledger: the desk itself belongs to this tenant and issuer.
    const sub = `r04-${nameOf(locks)}`;
    const idToken = stage.idToken({ sub, iat: stage.now() - 100 });
    const key = newKey();
    const held = await stage.tokenOf({ token: idToken, key });
    const known = await item(held.id);
    const targets = {
      user_id: `user:${known.user_id}`,
      app_id: 'app:where2eat',
      tenant_id: 'tenant:acme',
      issuer_id: 'issuer:corp',
    };
    const issued = stage.now();
    await stage.advance(3); // a newer moment is past as well, or nothing could be issued until it is
    const at = (seconds: number) => new Date((issued + seconds) * 1000);
    const ids: string[] = [];
    for (const { level, newer } of locks) {
      // Two at each level, the later first or last: which came in last decides nothing.
      for (const seconds of newer ? [2, -300] : [-300, -400]) {
        const id = `rv_${sub}_${level}_${seconds}`.replaceAll(/[ ,]/g, '');
        ids.push(id);
        await stage.query(
          `INSERT INTO lock VALUES ($1, $2, 'acme', false, 'r', '{"tokens":0}', '[]', $3, 'u')`,
          [id, targets[level], at(seconds)],
        );
      }
    }
    try {
      const anyNewer = locks.some(({ newer }) => newer);
      expect(await isDead(held)).toBe(anyNewer);
      const again = await stage.exchange({ token: idToken, key });
      // An app's moment is about tokens: a sign-in from before it may be exchanged once more.
      const signInDead = locks.some(({ level, newer }) => newer && level !== 'app_id');
      expect(again.status).toBe(signInDead ? 401 : 200);
    } finally {
      for (const table of ['lock', 'revocation_event'])
        await stage.query(`DELETE FROM ${table} WHERE revocation_id = ANY ($1)`, [ids]);
    }
  });
});

describe('what can be revoked', () => {
  it('a grant: everything that came from one ID token, and nothing of the same person from another', async () => {
    const key = newKey();
    const claims = { sub: 'granted' };
    const idToken = stage.idToken(claims);
    const first = await stage.tokenOf({ token: idToken, key });
    const second = await stage.tokenOf({ token: idToken, key });
    const other = await stage.tokenOf({ claims: { ...claims, jti: 'another' }, key });
    const child = (await narrows(first)).body.access_token as string;
    const { grant_id } = await item(first.id);
    expect(grant_id).toMatch(/^g_[0-9a-hjkmnp-tv-z]{26}$/);
    expect((await item(second.id)).grant_id).toBe(grant_id);
    expect((await item(other.id)).grant_id).not.toBe(grant_id);

    // A family of refresh tokens of the grant, one that has ended, and one of another.
    const from = new Date((stage.now() - 1) * 1000);
    for (const [family, grant, end] of [
      ['alive', grant_id, 600],
      ['ended', grant_id, 0],
      ['other', 'g_other', 600],
    ] as const) {
      await stage.query(
        `INSERT INTO refresh_family VALUES ($1, $2, 'acme', 'where2eat', 'corp', 'u', NULL, ARRAY['grant:' || $2], '{}', $3, $4)`,
        [family, grant, from, new Date((stage.now() + end) * 1000)],
      );
    }
    const { body } = await revoke({ grant_id });
    expect(body).toMatchObject({
      block: false,
      killed: { tokens: 3, derived: 0, refresh_families: 1, tickets: 0 },
    });
    expect(await isDead(first)).toBe(true);
    expect(await isDead(second)).toBe(true);
    expect(await isDead({ ...first, token: child })).toBe(true);
    expect(await isDead(other)).toBe(false);
    await refusesEverywhere(
      stage,
      { status: 401, error: 'invalid_token', audited: true },
      (through) => stage.exchange({ token: idToken, key }, through),
    );
  });

  it('a device: every token bound to the key, whoever holds it, and new ones while it is blocked', async () => {
    const key = newKey();
    const held = [
      await stage.tokenOf({ claims: { sub: 'one' }, key }),
      await stage.tokenOf({ claims: { sub: 'two' }, key }),
    ];
    const elsewhere = await stage.tokenOf({ claims: { sub: 'one' } });
    const { device_id } = await item(held[0]!.id);
    const receipt = await revoke({ device_id });
    expect(receipt.body).toMatchObject({ block: true, killed: { tokens: 2 } });
    for (const one of held) expect(await isDead(one)).toBe(true);
    expect(await isDead(elsewhere)).toBe(false);
    const blocked = await stage.exchange({ claims: { sub: 'two' }, key });
    expect([blocked.status, blocked.body.error]).toEqual([403, 'access_denied']);
    await lift(receipt);
    expect((await stage.exchange({ claims: { sub: 'two' }, key })).status).toBe(200);
    for (const one of held) expect(await isDead(one)).toBe(true);
  });

  it('a key: the JWTs it signed, of which the receipt says until when they are usable offline', async () => {
    const answer = await stage.client.call('/token', {
      form: { grant_type: 'client_credentials', resource: ORDERS, scope: 'orders:read' },
      headers: { authorization: basic('nightly-report', SECRET) },
    });
    const token = await item(answer.body.token_id as string);
    const [row] = await stage.query<{ signing_key: string; lineage: string[] }>(
      'SELECT signing_key, lineage FROM issued_token WHERE token_id = $1',
      [answer.body.token_id],
    );
    expect(row?.lineage).toContain(`key:${row?.signing_key}`);
    const { body } = await revoke({ key_id: row?.signing_key }, { block: false });
    expect(body.residual).toEqual([
      {
        kind: 'jwt',
        provider: null,
        count: 1,
        usable_until: token.expires_at,
        mitigation: expect.stringContaining('status list'),
      },
    ]);
    expect(await item(answer.body.token_id as string)).toMatchObject({
      status: 'revoked',
      grant_id: null,
    });
  });

  it('counts exactly: what an earlier revocation ended is not ended again', async () => {
    const key = newKey();
    const claims = { sub: 'counted' };
    const held = [1, 2, 3].map(() => stage.tokenOf({ claims, key }));
    const [first, second] = await Promise.all(held);
    await narrows(second!);
    await revoke({ token_id: first!.id });
    const { user_id } = await item(first!.id);
    const receipt = await revoke({ user_id }, { block: false });
    expect(receipt.body).toMatchObject({ killed: { tokens: 3, derived: 0 } });
    const { token, key: own } = desk;
    const path = `${PATH}/${receipt.body.revocation_id}`;
    expect((await stage.client.call(path, { token, key: own })).body).toEqual(receipt.body);
  });

  it('gives the receipt later where whoever revoked could not wait for it', async () => {
    const held = await stage.tokenOf({ claims: { sub: 'uncounted' } });
    const receipt = await revoke({ token_id: held.id });
    const { revocation_id } = receipt.body;
    await stage.query(`UPDATE lock SET killed = '{"contained":0}' WHERE revocation_id = $1`, [
      revocation_id,
    ]);
    const { token, key } = desk;
    const found = await stage.client.call(`${PATH}/${revocation_id}`, { token, key });
    expect(found.body).toEqual(receipt.body);
  });
});

describe('A03, A04 who may revoke what', () => {
  const tenantAdmin = (): Promise<Held> => stage.adminOf(['tenant-security']);

  it('A04 takes one target and a reason', async () => {
    for (const body of [
      { target: {}, reason: 'r' },
      { target: { app_id: 'lowcode', user_id: 'u_1' }, reason: 'r' },
      { target: { all: true }, reason: 'r' },
      { target: { app_id: 'lowcode' } },
      { target: { app_id: 'lowcode' }, reason: '' },
    ]) {
      const { token, key } = desk;
      const answer = await stage.client.call(PATH, { body, token, key });
      expect([answer.status, answer.body.error]).toEqual([400, 'invalid_request']);
    }
  });

  it.each(['tenant_id', 'issuer_id', 'key_id'])(
    'a %s takes deployment scope, and says nothing of what there is',
    async (field) => {
      const admin = await tenantAdmin();
      for (const id of ['acme', 'globex', 'corp', 'nothing']) {
        const answer = await ask({ [field]: id }, {}, admin);
        expect([answer.status, answer.body.error]).toEqual([403, 'access_denied']);
      }
    },
  );

  it("A03 another tenant's device and grant read like none", async () => {
    const admin = await tenantAdmin();
    const [row] = await stage.query<{ id: string }>(
      `INSERT INTO issued_token SELECT (jsonb_populate_record(t, jsonb_build_object('token_id', 'tk_of_globex', 'token_hash', null,
         'status_index', null, 'tenant_id', 'globex', 'device_id', 'd_globex', 'grant_id', 'g_globex'))).*
       FROM issued_token AS t LIMIT 1 RETURNING token_id AS id`,
    );
    expect(row?.id).toBe('tk_of_globex');
    for (const [field, id] of [
      ['device_id', 'd_globex'],
      ['grant_id', 'g_globex'],
    ] as const) {
      const theirs = await ask({ [field]: id }, {}, admin);
      const none = await ask({ [field]: `${id}x` }, {}, admin);
      expect(theirs.status).toBe(404);
      expect({ ...theirs.body, request_id: '' }).toEqual({ ...none.body, request_id: '' });
    }
  });

  it('A03 a key that is used in two tenants takes one who reaches both', async () => {
    const key = newKey();
    const held = await stage.tokenOf({ claims: { sub: 'both' }, key });
    const { device_id } = await item(held.id);
    await stage.query(
      `INSERT INTO issued_token SELECT (jsonb_populate_record(t, jsonb_build_object('token_id', 'tk_shared', 'token_hash', null,
         'status_index', null, 'tenant_id', 'globex'))).* FROM issued_token AS t WHERE token_id = $1`,
      [held.id],
    );
    expect((await ask({ device_id }, {}, await tenantAdmin())).status).toBe(404);
    const placed = await ask({ device_id });
    expect(placed.status).toBe(201);

    // Nor does the block go by the word of one who could not have placed it.
    const lift = async (admin: Held) => {
      const { token, key } = admin;
      const path = `${PATH}/${placed.body.revocation_id}`;
      return (await stage.client.call(path, { method: 'DELETE', token, key })).status;
    };
    expect(await lift(await tenantAdmin())).toBe(404);
    expect(await lift(desk)).toBe(204);
  });

  it('A03 a block that took deployment scope takes it to be lifted', async () => {
    await ask({ app_id: 'lowcode' });
    await stage.query(
      `INSERT INTO lock SELECT (jsonb_populate_record(l, jsonb_build_object(
         'revocation_id', 'rv_of_an_issuer', 'target', 'issuer:second', 'tenant_id', 'acme'))).*
       FROM lock AS l WHERE target = 'app:lowcode' LIMIT 1`,
    );
    const path = `${PATH}/rv_of_an_issuer`;
    const { token, key } = await tenantAdmin();
    const refused = await stage.client.call(path, { method: 'DELETE', token, key });
    expect([refused.status, refused.body.error]).toEqual([403, 'access_denied']);
    const lifted = await stage.client.call(path, { method: 'DELETE', ...desk });
    expect(lifted.status).toBe(204);
  });

  it('nobody blocks what they act by: the admin door is never locked from the inside', async () => {
    const own = await item(desk.id);
    const targets: Target[] = [
      { device_id: own.device_id },
      { user_id: own.user_id },
      { issuer_id: 'corp' },
      { tenant_id: 'acme' },
      { app_id: 'daypass-cli' },
    ];
    for (const target of targets) {
      const answer = await ask(target);
      expect([answer.status, answer.body.error]).toEqual([400, 'invalid_request']);
      expect((answer.body.violations as { field: string }[])[0]?.field).toBe('block');
    }
    expect((await ask({ token_id: desk.id }, { block: true })).status).toBe(400);
  });

  it('may end their own session, and everybody else’s, of an issuer: whoever signs in again is let in', async () => {
    const session = await stage.adminOf(['security'], { sub: 'goes' });
    const held = await stage.tokenOf({ claims: { sub: 'bystander' } });
    const answer = await ask({ issuer_id: 'corp' }, { block: false }, session);
    expect(answer.status).toBe(201);
    expect(await isDead(held)).toBe(true);
    expect((await ask({ app_id: 'lowcode' }, { block: false }, session)).status).toBe(401);
    await stage.advance(2);
    const back = await stage.adminOf(['security'], { sub: 'goes' });
    expect((await ask({ app_id: 'lowcode' }, { block: false }, back)).status).toBe(201);
  });
});
