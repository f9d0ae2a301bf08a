import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { unavailable } from '../../src/protocol/oauth-error.ts';
import { authorize, newBrowser, redeem } from '../support/authorization.ts';
import { type Browser, formOf } from '../support/browser.ts';
import { startTestDaypass, type TestDaypass } from '../support/daypass.ts';
import { createProofKey } from '../support/dpop.ts';
import { LOOPBACK, ORDERS, WEB, withPeopleApps } from '../support/people-apps.ts';
import { refresh, type Session, signedIn } from '../support/session.ts';
import { lines, sendRaw, statusOf } from './raw-request.ts';

/** What a page, a program on the same machine, or the next person at the browser makes of somebody's sign-in. */

let daypass: TestDaypass;
beforeAll(async () => {
  daypass = await startTestDaypass({ configure: withPeopleApps });
}, 60_000);
afterAll(() => daypass?.stop());

describe('whoever listens on loopback (RFC 8252 §8.6)', () => {
  const anyPort = 'http://127.0.0.1:49999/callback';
  const asAdmin = (key = createProofKey()) => ({
    client: 'daypass-cli',
    redirect: anyPort,
    user: 'sam',
    params: { scope: 'openid admin', resource: `${daypass.issuer}/admin`, dpop_jkt: key.jkt },
  });

  it('gets no admin token behind the back of somebody who is signed in', async () => {
    const admin = await authorize(daypass, asAdmin());
    expect(admin.code).not.toBe('');
    const { params, ...asked } = asAdmin();
    const silent = { ...asked, browser: admin.browser, params: { ...params, prompt: 'none' } };
    const { answer, code } = await authorize(daypass, silent);
    expect({ error: answer.get('error'), code }).toEqual({ error: 'consent_required', code: '' });
    const { browser } = admin;
    const shown = browser.redirects.length;
    const declined = await authorize(daypass, { ...asAdmin(), browser, decision: 'deny' });
    expect(declined.answer.get('error')).toBe('access_denied');
    expect(browser.redirects.length).toBeGreaterThan(shown);
  });

  it('gets no code for a native app either, trusted or agreed to before', async () => {
    const asked = { client: 'desk', redirect: LOOPBACK, params: { resource: ORDERS } };
    const { browser } = await authorize(daypass, asked);
    const params = { ...asked.params, prompt: 'none' };
    const silent = await authorize(daypass, { ...asked, redirect: anyPort, browser, params });
    expect(silent.answer.get('error')).toBe('consent_required');
  });

  it('one sign-in opens the admin door once', async () => {
    const [key, other] = [createProofKey(), createProofKey()];
    const first = await authorize(daypass, asAdmin(key));
    const second = await authorize(daypass, { ...asAdmin(other), browser: first.browser });
    const resource = `${daypass.issuer}/admin`;
    const got = await redeem(daypass, first, { key, params: { resource } });
    expect(got.status).toBe(200);
    const more = await redeem(daypass, second, { key: other, params: { resource } });
    expect(more.body.error).toBe('invalid_grant');
  });
});

describe('an authorization code', () => {
  it('is used up by what is issued for it, and not by a request for more than was agreed to', async () => {
    const params = { resource: ORDERS, scope: 'openid orders:read' };
    const authorized = await authorize(daypass, { client: 'desk', redirect: LOOPBACK, params });
    const key = createProofKey();
    const wider = await redeem(daypass, authorized, { key, params: { scope: 'orders:write' } });
    expect(wider.body.error).toBe('invalid_scope');
    expect((await redeem(daypass, authorized, { key })).status).toBe(200);
    expect((await redeem(daypass, authorized, { key })).body.error).toBe('invalid_grant');
  });
});

describe('id_token_hint', () => {
  it('of one person is not answered with another’s tokens', async () => {
    const asked = { client: 'portal', redirect: WEB, params: { resource: ORDERS } };
    const ana = await signedIn(daypass, 'portal');
    const params = { ...asked.params, id_token_hint: String(ana.answer.body.id_token) };
    const uma = await authorize(daypass, { ...asked, user: 'uma', params });
    expect({ error: uma.answer.get('error'), code: uma.code }).toEqual({
      error: 'login_required',
      code: '',
    });
    const herself = await authorize(daypass, { ...asked, user: 'ana', params });
    expect(herself.code).not.toBe('');
  });
});

describe('the callback', () => {
  it('named by a whole URL is that of this server, whoever it names', async () => {
    const answer = await sendRaw(
      daypass.url,
      lines('GET http://evil.example/sign-in/callback/corp?state=abc HTTP/1.1', 'Host: here'),
    );
    expect(statusOf(answer)).toBe(400);
    expect(answer).toContain('request id');
  });
});

describe('signing out', () => {
  const signOut = async (browser: Browser) =>
    browser.submit(formOf(await browser.get(`${daypass.url}/session/end`)), { logout: 'yes' });

  const isAlive = async (session: Session): Promise<boolean> =>
    (await refresh(daypass, session, session.token)).status === 200;

  it.each([
    ['the same person', 'ana'],
    ['somebody else', 'uma'],
  ])('ends what apps got before %s signed in again in that browser', async (_who, user) => {
    const browser = newBrowser(daypass);
    const before = await signedIn(daypass, 'portal', { browser });
    browser.setCookie(daypass.url, 'idp_session', 'signed out there'); // cookies know no port
    const params = { prompt: 'login' };
    const after = await signedIn(daypass, 'portal', { browser, user, params });
    expect((await signOut(browser)).text).toContain('You are signed out');
    expect([await isAlive(before), await isAlive(after)]).toEqual([false, false]);
  });

  it('ends nothing of it before that', async () => {
    const browser = newBrowser(daypass);
    const before = await signedIn(daypass, 'portal', { browser });
    await signedIn(daypass, 'portal', { browser, params: { prompt: 'login' } });
    expect(await isAlive(before)).toBe(true);
  });

  it('that fails is a page with a request id, and can be tried again', async () => {
    const browser = newBrowser(daypass);
    const session = await signedIn(daypass, 'portal', { browser });
    const { revocations } = daypass.ledger;
    const { revoke } = revocations;
    revocations.revoke = async () => {
      throw unavailable('as a test has it');
    };
    const failed = await signOut(browser);
    revocations.revoke = revoke;
    expect(failed.status).toBe(503);
    expect(failed.text).toContain('request id');
    await signOut(browser);
    expect(await isAlive(session)).toBe(false);
  });

  it('after the session has come to its end ends what apps have of it', async () => {
    const browser = newBrowser(daypass);
    const session = await signedIn(daypass, 'portal', { browser });
    const other = await signedIn(daypass, 'portal');
    // The last test of this file: the company's clock is behind from here on.
    daypass.advance(8 * 60 * 60 + 60);
    expect((await signOut(browser)).text).toContain('You are signed out');
    expect([await isAlive(session), await isAlive(other)]).toEqual([false, true]);
  });
});
