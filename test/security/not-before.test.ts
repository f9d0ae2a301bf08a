import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { authorize, newBrowser, redeem } from '../support/authorization.ts';
import { createClient } from '../support/client.ts';
import { startTestDaypass, type TestDaypass } from '../support/daypass.ts';
import { basic, ORDERS, WEB, withPeopleApps } from '../support/people-apps.ts';
import { refresh, signedIn } from '../support/session.ts';

/**
 * security.md R04: not-before at user, app, tenant and issuer, older or newer than what was issued, in all sixteen
 * combinations: the latest wins, wherever it is asked. (Use and exchange: revocation-targets.test.ts.)
 */

let daypass: TestDaypass;
let owner: pg.Client;
beforeAll(async () => {
  daypass = await startTestDaypass({ configure: withPeopleApps });
  owner = new pg.Client({ connectionString: daypass.databaseUrl });
  await owner.connect();
}, 60_000);
afterAll(async () => {
  await owner?.end();
  await daypass?.stop();
});

const LEVELS = ['user', 'app', 'tenant', 'issuer'] as const;
type Level = (typeof LEVELS)[number];

/** Seconds from now: well before anything here was issued, and after all of it. */
const [OLDER, NEWER] = [-300, 60];

const cases = Array.from({ length: 2 ** LEVELS.length }, (_, bits) => {
  const newer = LEVELS.filter((_level, place) => (bits & (1 << place)) !== 0);
  return [newer.length === 0 ? 'none' : newer.join(', '), newer] as const;
});

/** All that `portal` has after somebody signed in, in one browser. */
const hold = async () => {
  const browser = newBrowser(daypass);
  const session = await signedIn(daypass, 'portal', { browser });
  const known = await signedIn(daypass, 'portal', { browser, params: { resource: undefined } });
  const asked = { client: 'portal', redirect: WEB, browser, params: { resource: ORDERS } };
  const authorized = await authorize(daypass, asked);
  expect([session.answer.status, known.answer.status]).toEqual([200, 200]);
  expect(known.answer.body.scope).toBe('openid');
  expect(authorized.code).not.toBe('');
  const { rows } = await owner.query<{ user_id: string }>(
    'SELECT DISTINCT user_id FROM refresh_family ORDER BY user_id',
  );
  return { session, known, authorized, userId: rows[0]?.user_id ?? '' };
};

type Held = Awaited<ReturnType<typeof hold>>;

/** Locks as they stand in the ledger: two at each level, the later of them first or last. */
const lock = async ({ userId }: Held, newer: readonly Level[]): Promise<void> => {
  const targets = { user: userId, app: 'portal', tenant: 'acme', issuer: 'corp' };
  for (const level of LEVELS) {
    for (const seconds of newer.includes(level) ? [NEWER, OLDER] : [OLDER, OLDER - 100]) {
      const at = new Date(daypass.ledger.clock.now().getTime() + seconds * 1000);
      await owner.query(
        `INSERT INTO lock VALUES ($1, $2, 'acme', false, 'r', '{"tokens":0}', '[]', $3, 'u')`,
        [`rv_${level}_${seconds}`, `${level}:${targets[level]}`, at],
      );
    }
  }
};

const call = (...asked: Parameters<ReturnType<typeof createClient>['call']>) =>
  createClient(daypass.url, daypass.issuer).call(...asked);

const isActive = async (token: unknown): Promise<unknown> => {
  const form = { token: String(token) };
  return (await call('/introspect', { form, headers: basic('portal') })).body.active;
};

/** What each endpoint makes of it. The refresh token and the code last: they are used up. */
const honoured = async ({ session, known, authorized }: Held) => {
  const { answer } = session;
  const userinfo = await call('/userinfo', { token: String(known.answer.body.access_token) });
  return {
    introspection: await isActive(answer.body.access_token),
    'introspection of the refresh token': await isActive(session.token),
    userinfo: userinfo.status,
    refresh: (await refresh(daypass, session, session.token)).status,
    token: (await redeem(daypass, authorized, { headers: basic('portal') })).status,
  };
};

describe('R04 the latest not-before wins at introspection, userinfo, refresh and token', () => {
  it.each(cases)('R04 newer: %s', async (_, newer) => {
    const held = await hold();
    await lock(held, newer);
    try {
      const isAlive = newer.length === 0;
      expect(await honoured(held)).toEqual({
        introspection: isAlive,
        'introspection of the refresh token': isAlive,
        userinfo: isAlive ? 200 : 401,
        refresh: isAlive ? 200 : 400,
        token: isAlive ? 200 : 400,
      });
    } finally {
      await owner.query('DELETE FROM lock');
      await owner.query('DELETE FROM revocation_event');
    }
  });
});
