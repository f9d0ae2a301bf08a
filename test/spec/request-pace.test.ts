import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually, openStage, type Stage } from '../security/stage.ts';
import { type Answer, type Client, newKey } from '../support/client.ts';

/** `limits.requests`: how fast an address may ask, and a user of an app. */

let stage: Stage;
beforeAll(async () => {
  stage = await openStage({ instances: 2, env: { TRUSTED_PROXIES: '127.0.0.1/32 ::1' } });
}, 60_000);
afterAll(() => stage?.stop());

const PACE = { per_second: 1, burst: 3 };
type Draft = Parameters<Parameters<Stage['reconfigure']>[0]>[0];

/** What an address is told that proves nothing. */
const UNPROVEN = [400, 401];

/** Without any credential, as whoever the proxy says. */
const ask = (path: string, address: string, through: Client = stage.client): Promise<Answer> =>
  through.call(path, {
    ...(path === '/token' ? { form: { grant_type: 'nonsense' } } : { body: {} }),
    headers: { 'x-forwarded-for': address },
  });

/** So many at once; answers who passed and who was refused, and checks that no more passed than may. */
const flood = async (count: number, send: (n: number) => Promise<Answer>) => {
  const began = performance.now();
  const answers = await Promise.all(Array.from({ length: count }, (_, n) => send(n)));
  const passed = answers.filter(({ status }) => status !== 429);
  const refused = answers.filter(({ status }) => status === 429);
  const room = 1 + PACE.burst;
  expect(passed.length).toBeGreaterThanOrEqual(room);
  // What comes evenly passes as well: one for each second that this took.
  expect(passed.length).toBeLessThanOrEqual(room + Math.ceil((performance.now() - began) / 1000));
  return { passed, refused };
};

const mustBeTooFast = (answer: Answer | undefined, name: string): void => {
  expect(answer).toMatchObject({
    status: 429,
    body: { error: 'too_many_requests', violations: [{ rule: name }] },
  });
  const after = Number(answer?.headers.get('retry-after'));
  expect([1, 2]).toContain(after);
  expect(answer?.headers.get('ratelimit')).toBe(`"${name}";r=0;t=${after}`);
  expect(answer?.headers.get('ratelimit-policy')).toBe(`"${name}";q=4;w=4`);
  expect(answer?.headers.get('cache-control')).toBe('no-store');
};

const addresses = async (): Promise<readonly string[]> =>
  (await stage.query<{ id: string }>('SELECT id FROM request_pace')).map(({ id }) => id);

describe('without limits.requests', () => {
  it('a flood is answered as ever, and nothing is kept of it', async () => {
    await stage.tokenOf();
    const statuses = await Promise.all(
      Array.from({ length: 20 }, () => ask('/exchange', '192.0.2.1')),
    );
    for (const { status } of statuses) expect(status).toBe(401);
    expect(await addresses()).toEqual([]);
  });
});

describe('limits.requests of the deployment', () => {
  beforeAll(async () => {
    await stage.reconfigure((draft: Draft) => {
      Object.assign(draft, { limits: { requests: PACE } });
    });
    // The other instance hears of it a moment later.
    for (const [n, client] of stage.clients.entries()) {
      await eventually(async () => (await ask('/exchange', `192.0.2.${n}`, client)).status === 429);
    }
  });

  it.each([
    '/exchange',
    '/issue-token',
    '/token',
    '/request-upload',
    '/request-download',
    '/request-credentials',
  ])(
    'holds an address at %s, on all instances together, before anything is proven',
    async (path) => {
      const address = `198.51.100.${path.length}`;
      const { passed, refused } = await flood(20, (n) => ask(path, address, stage.clients[n % 2]));
      for (const { status } of passed) expect(UNPROVEN).toContain(status);
      for (const answer of refused) mustBeTooFast(answer, 'requests');
    },
  );

  it('does not count what is asked elsewhere', async () => {
    for (let times = 0; times < 9; times += 1) {
      const answer = await stage.client.call('/jwks', {
        headers: { 'x-forwarded-for': '192.0.2.77' },
      });
      expect(answer.status).toBe(200);
    }
    expect(await addresses()).not.toContain('address:192.0.2.77');
  });

  it('locks nobody out for another address', async () => {
    const { refused } = await flood(20, () => ask('/exchange', '203.0.113.1'));
    mustBeTooFast(refused[0], 'requests');
    for (const address of ['203.0.113.2', '2001:db8::1', '2001:db8:0:1::1']) {
      expect((await ask('/exchange', address)).status).toBe(401);
    }
  });

  it('holds a /64 of IPv6 as one client, whichever of its addresses asks', async () => {
    const { refused } = await flood(20, (n) => ask('/exchange', `2001:db8:7:7::${n + 1}`));
    mustBeTooFast(refused[0], 'requests');
    expect(await addresses()).toContain('address:2001:db8:7:7::/64');
    expect((await ask('/exchange', '2001:db8:7:8::1')).status).toBe(401);
  });

  it('believes no address that an untrusted hop names', async () => {
    const { refused } = await flood(20, (n) => ask('/exchange', `10.0.0.${n}, 203.0.113.9`));
    mustBeTooFast(refused[0], 'requests');
  });

  it('is right about when to come back', async () => {
    const { refused } = await flood(20, () => ask('/exchange', '203.0.113.20'));
    stage.broker.advance(Number(refused[0]?.headers.get('retry-after')));
    expect((await ask('/exchange', '203.0.113.20')).status).toBe(401);
  });
});

describe('limits.requests of an app', () => {
  beforeAll(async () => {
    stage.broker.advance(60);
    await stage.freshNonce();
    await stage.reconfigure((draft: Draft) => {
      for (const app of draft.apps ?? []) {
        if (app.id === 'where2eat') app.limits = { requests: PACE };
      }
    });
  }, 30_000);

  it('holds a user to it, over exchanges and uploads together, and nobody else', async () => {
    const held = await stage.tokenOf({ claims: { sub: 'ana' } });
    const upload = () =>
      stage.client.call('/request-upload', {
        body: { filename: 'a.png', size: 10, contentType: 'image/png' },
        token: held.token,
        key: held.key,
      });
    const began = performance.now();
    const answers = await Promise.all(Array.from({ length: 12 }, upload));
    const passed = answers.filter(({ status }) => status === 201);
    // The exchange was one of four.
    expect(passed.length).toBeGreaterThanOrEqual(3);
    const seconds = Math.ceil((performance.now() - began) / 1000) + 1;
    expect(passed.length).toBeLessThanOrEqual(3 + seconds);
    const refused = answers.find(({ status }) => status === 429);
    mustBeTooFast(refused, 'app_requests');
    const [event] = await stage.query<{ outcome: string; app_id: string }>(
      'SELECT outcome, app_id FROM audit_event WHERE request_id = $1',
      [String(refused?.body.request_id)],
    );
    expect(event).toEqual({ outcome: 'denied', app_id: 'where2eat' });
    expect((await stage.exchange({ key: newKey(), claims: { sub: 'bea' } })).status).toBe(200);
  });

  it.each([{}, { dry_run: true }])('holds the exchanges of a user %j', async (body) => {
    const sub = `cai-${Object.keys(body).length}`;
    const { refused } = await flood(12, () =>
      stage.exchange({ key: newKey(), claims: { sub }, body }),
    );
    mustBeTooFast(refused[0], 'app_requests');
  });
});
