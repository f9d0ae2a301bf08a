import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createRemoteJWKSet, decodeJwt, type JWTPayload, jwtVerify } from 'jose';
import pg from 'pg';
import { eventually } from '../security/stage.ts';
import { authorize, newBrowser, redeem } from '../support/authorization.ts';
import type { Browser } from '../support/browser.ts';
import { formOf } from '../support/browser.ts';
import { createClient, newKey } from '../support/client.ts';
import { startTestDaypass, type TestDaypass } from '../support/daypass.ts';
import { type LogoutReceiver, startLogoutReceiver } from '../support/logout-receiver.ts';
import { basic, ORDERS, WEB, withPeopleApps } from '../support/people-apps.ts';

/** OpenID Connect Back-Channel Logout 1.0, towards the apps that people signed in to. */

const EVENT = 'http://schemas.openid.net/event/backchannel-logout';
const DOWN = 'http://localhost:9/logout';

let daypass: TestDaypass;
let beside: TestDaypass;
let receiver: LogoutReceiver;
let other: LogoutReceiver;
let database: pg.Client;

beforeAll(async () => {
  receiver = await startLogoutReceiver();
  other = await startLogoutReceiver();
  daypass = await startTestDaypass({
    configure: (demo) => {
      const { apps = [], ...rest } = withPeopleApps(demo);
      const portal = apps.find(({ id }) => id === 'portal')!;
      const hear = (id: string, backchannel_logout_uri: string) => ({
        ...portal,
        id,
        backchannel_logout_uri,
      });
      return {
        ...rest,
        apps: [
          ...apps,
          hear('hears', receiver.url),
          hear('hears-too', other.url),
          hear('away', DOWN),
        ],
      };
    },
  });
  beside = await startTestDaypass({ beside: daypass });
  database = new pg.Client({ connectionString: daypass.databaseUrl });
  await database.connect();
}, 60_000);
afterAll(async () => {
  await database?.end();
  await beside?.stop();
  await daypass?.stop();
  await receiver?.stop();
  await other?.stop();
});

beforeEach(() => {
  for (const each of [receiver, other]) {
    each.received.length = 0;
    each.answerWith((response) => response.writeHead(200).end());
  }
});

const signIn = async (client: string, browser = newBrowser(daypass), user = 'ana') => {
  const authorized = await authorize(daypass, { client, redirect: WEB, browser, user });
  const { status, body } = await redeem(daypass, authorized, { headers: basic(client) });
  expect(status).toBe(200);
  return { browser, idToken: decodeJwt(String(body.id_token)) };
};

const signOut = async (browser: Browser): Promise<void> => {
  const page = await browser.get(`${daypass.url}/session/end`);
  const gone = await browser.submit(formOf(page), { logout: 'yes' });
  expect(gone.status).toBe(200);
};

const heard = async (from: LogoutReceiver, count: number): Promise<JWTPayload[]> => {
  await eventually(() => from.received.length >= count);
  return from.received.map(({ token }) => decodeJwt(token));
};

const rows = async (sql: string, ...values: unknown[]) =>
  (await database.query(sql, values)).rows as Record<string, unknown>[];

/** Nothing more comes, for longer than two rounds. */
const quiet = () => new Promise((resolve) => setTimeout(resolve, 2_500));

describe('an app with backchannel_logout_uri', () => {
  it('§2.4 is told who signed out of which session, in a signed token of its own, once', async () => {
    const { browser, idToken } = await signIn('hears');
    await signOut(browser);
    await heard(receiver, 1);
    await quiet();
    expect(receiver.received).toHaveLength(1);
    const [{ token, contentType } = { token: '', contentType: '' }] = receiver.received;
    expect(contentType).toBe('application/x-www-form-urlencoded');
    const keys = createRemoteJWKSet(new URL(`${daypass.url}/jwks`));
    const { payload } = await jwtVerify(token, keys, {
      issuer: daypass.issuer,
      audience: 'hears',
      typ: 'logout+jwt',
      algorithms: ['ES256'],
    });
    expect(payload).toEqual({
      iss: daypass.issuer,
      aud: 'hears',
      sub: idToken.sub,
      sid: idToken.sid,
      iat: expect.any(Number),
      exp: (payload.iat ?? 0) + 120,
      jti: expect.stringMatching(/^[\w-]{22}$/),
      events: { [EVENT]: {} },
    });
  });

  it('is told with every other app of the session, and those of other people are not', async () => {
    const { browser } = await signIn('hears');
    await signIn('hears-too', browser);
    await signIn('portal', browser); // wants to hear nothing
    const { idToken } = await signIn('hears', newBrowser(daypass), 'uma');
    await signOut(browser);
    await Promise.all([heard(receiver, 1), heard(other, 1)]);
    await quiet();
    const subjects = (await heard(receiver, 1)).map(({ sub }) => sub);
    expect(subjects).toHaveLength(1);
    expect(subjects).not.toContain(idToken.sub);
    expect(other.received).toHaveLength(1);
  });

  it('is told when the session ends at the company', async () => {
    const { browser, idToken } = await signIn('hears');
    const idp = `http://localhost:${daypass.idpPort}`;
    const page = await browser.get(`${idp}/session/end?client_id=daypass`);
    await browser.submit(formOf(page), { logout: 'yes' });
    const [told] = await heard(receiver, 1);
    expect(told).toMatchObject({ sid: idToken.sid, sub: idToken.sub });
  });

  it('is told of each session when an admin revokes the person', async () => {
    const one = await signIn('hears', newBrowser(daypass), 'uma');
    const two = await signIn('hears', newBrowser(daypass), 'uma');
    const key = newKey();
    const client = createClient(daypass.url);
    const { body } = await client.call('/exchange', {
      token: await daypass.signIn('sam', 'daypass'),
      key,
      bound: false,
      body: { app_id: 'daypass-cli', resource: `${daypass.issuer}/admin`, actions: ['admin'] },
    });
    const revoked = await client.call('/admin/v1/revocations', {
      token: String(body.access_token),
      key,
      body: { target: { user_id: one.idToken.sub }, reason: 'left', block: false },
    });
    expect(revoked.status).toBe(201);
    const sids = (await heard(receiver, 2)).map(({ sid }) => sid);
    expect(sids).toEqual(expect.arrayContaining([one.idToken.sid, two.idToken.sid]));
  });

  it('is on record as told, and counted', async () => {
    const { browser, idToken } = await signIn('hears');
    await signOut(browser);
    await heard(receiver, 1);
    const sql = `SELECT outcome, app_id, detail FROM audit_event
      WHERE action = 'logout.tell' AND detail ->> 'sid' = $1`;
    await eventually(async () => (await rows(sql, idToken.sid)).length > 0);
    expect(await rows(sql, idToken.sid)).toEqual([
      { outcome: 'granted', app_id: 'hears', detail: { sid: idToken.sid, attempts: 1 } },
    ]);
    const metrics = await Promise.all(
      [daypass, beside].map(async ({ url }) => (await fetch(`${url}/metrics`)).text()),
    );
    expect(metrics.join('')).toMatch(/daypass_logouts_total\{outcome="told"\} [1-9]/);
    const record = JSON.stringify(await rows('SELECT * FROM audit_event'));
    expect(record).not.toContain(receiver.received[0]?.token);
  });

  it('without openid got no ID token, and hears nothing', async () => {
    const browser = newBrowser(daypass);
    const params = { scope: 'orders:read', resource: ORDERS, nonce: undefined };
    const authorized = await authorize(daypass, {
      client: 'hears',
      redirect: WEB,
      browser,
      params,
    });
    await redeem(daypass, authorized, { headers: basic('hears') });
    await signOut(browser);
    await quiet();
    expect(receiver.received).toEqual([]);
  });
});

describe('an app that does not answer', () => {
  it('keeps nobody waiting who signs out', async () => {
    other.answerWith(() => undefined);
    const { browser } = await signIn('hears-too');
    const began = performance.now();
    await signOut(browser);
    expect(performance.now() - began).toBeLessThan(4_000);
    await heard(other, 1);
  });

  it('hears again, by a new token, until it takes one; and nothing after that', async () => {
    receiver.answerWith((response) => response.writeHead(503).end());
    const { browser, idToken } = await signIn('hears');
    await signOut(browser);
    await eventually(() => hasFailed(idToken.sid, 1));
    daypass.advance(6);
    await eventually(() => hasFailed(idToken.sid, 2));
    receiver.answerWith((response) => response.writeHead(204).end());
    daypass.advance(21);
    const told = await heard(receiver, 3);
    expect(new Set(told.map(({ jti }) => jti)).size).toBe(3);
    expect(new Set(told.map(({ sid }) => sid)).size).toBe(1);
    await eventually(async () => (await sessionOf(idToken.sid)).tell_at === null);
  });

  it('that was down hears once it is up again', async () => {
    const { port } = receiver;
    await receiver.stop();
    const { browser, idToken } = await signIn('hears');
    await signOut(browser);
    await eventually(() => hasFailed(idToken.sid, 1));
    receiver = await startLogoutReceiver(port);
    daypass.advance(6);
    const [told] = await heard(receiver, 1);
    expect(told?.sid).toBe(idToken.sid);
  });

  it('is given up after a day, on record', async () => {
    const { browser, idToken } = await signIn('away');
    await signOut(browser);
    const sql = `SELECT outcome, reason, detail FROM audit_event
      WHERE action = 'logout.tell' AND detail ->> 'sid' = $1`;
    for (let tries = 1; tries < 10; tries += 1) {
      await eventually(() => hasFailed(idToken.sid, tries));
      daypass.advance(30_000);
    }
    await eventually(async () => (await rows(sql, idToken.sid)).length > 0);
    expect(await rows(sql, idToken.sid)).toEqual([
      {
        outcome: 'denied',
        reason: 'the app has not taken the logout token',
        detail: { sid: idToken.sid, attempts: 10 },
      },
    ]);
    expect((await sessionOf(idToken.sid)).tell_at).toBeNull();
  }, 60_000);
});

const sessionOf = async (sid: unknown) => {
  const [row] = await rows('SELECT attempts, tell_at FROM app_session WHERE sid = $1', sid);
  return row as { attempts: number; tell_at: Date | null };
};

/** Seconds until it is tried again: 5, 20, then a minute and more. While it is tried, its lease is 30. */
const hasFailed = async (sid: unknown, attempts: number): Promise<boolean> => {
  const session = await sessionOf(sid);
  const now = daypass.ledger.clock.now().getTime();
  const left = ((session.tell_at?.getTime() ?? 0) - now) / 1000;
  const pause = [0, 5, 20][attempts];
  return session.attempts === attempts && (pause === undefined ? left > 30 : left <= pause);
};
