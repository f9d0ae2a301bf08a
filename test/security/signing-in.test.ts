import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { unavailable } from '../../src/protocol/oauth-error.ts';
import {
  authorize,
  authorizeUrl,
  challengeOf,
  newBrowser,
  random,
  redeem,
} from '../support/authorization.ts';
import { type Browser, formOf } from '../support/browser.ts';
import { createClient } from '../support/client.ts';
import { startTestDaypass, type TestDaypass } from '../support/daypass.ts';
import { createProofKey } from '../support/dpop.ts';
import {
  BUCKET,
  basic,
  LOOPBACK,
  ORDERS,
  PAGE,
  WEB,
  withPeopleApps,
} from '../support/people-apps.ts';
import { refresh, type Session, signedIn } from '../support/session.ts';
import { lines, sendRaw, statusOf } from './raw-request.ts';

/** What a page, a program on the same machine, or the next person at the browser makes of somebody's sign-in. */

let daypass: TestDaypass;
beforeAll(async () => {
  const platform = { claim: 'groups', value: 'security-team', role: 'platform' } as const;
  daypass = await startTestDaypass({
    configure: (demo) => ({
      ...withPeopleApps(demo),
      admins: [...(demo.admins ?? []), { issuer: 'corp', ...platform, scope: 'deployment' }],
    }),
  });
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

  describe('for a page under development', () => {
    const asked = { client: 'page', redirect: PAGE };
    const silently = (browser: Browser, params: Record<string, string>) =>
      authorize(daypass, { ...asked, browser, params: { ...params, prompt: 'none' } });

    it.each([
      ['trusted by the company', { ...asked, client: 'own-page' }],
      ['agreed to before', asked],
    ])('gets no code without asking, though it is %s', async (_how, app) => {
      const { browser } = await authorize(daypass, { ...app, params: { resource: ORDERS } });
      const params = { resource: ORDERS, prompt: 'none' };
      const { answer, code } = await authorize(daypass, { ...app, browser, params });
      expect([answer.get('error'), code]).toEqual(['consent_required', '']);
    });

    it('gets no code for a key of its own where another key’s holder was agreed to', async () => {
      const { jkt: dpop_jkt } = createProofKey();
      const { browser } = await authorize(daypass, {
        ...asked,
        params: { resource: ORDERS, dpop_jkt },
      });
      for (const thief of [{}, { dpop_jkt: createProofKey().jkt }] as Record<string, string>[]) {
        const { answer } = await silently(browser, { resource: ORDERS, ...thief });
        expect(answer.get('error')).toBe('consent_required');
      }
    });

    it('gets a code that is of use to the holder of the agreed key alone, who renews by it', async () => {
      const key = createProofKey();
      const params = { resource: ORDERS, dpop_jkt: key.jkt };
      const { browser } = await authorize(daypass, { ...asked, params });
      const renewed = await silently(browser, params);
      const thief = await redeem(daypass, renewed, { key: createProofKey() });
      expect(thief.body.error).toBe('invalid_grant');
      expect((await redeem(daypass, renewed, { key })).status).toBe(200);
      // And once more: what was agreed to goes on with what came of it.
      expect((await silently(browser, params)).code).not.toBe('');
    });
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

describe('consent', () => {
  it('is not remembered once what came of it was revoked', async () => {
    const key = createProofKey();
    const params = { resource: BUCKET, dpop_jkt: key.jkt };
    const first = await authorize(daypass, { params });
    expect((await redeem(daypass, first, { key })).status).toBe(200);
    const silent = { browser: first.browser, params: { ...params, prompt: 'none' } };
    const remembered = await authorize(daypass, silent);
    expect(remembered.code).not.toBe('');
    await redeem(daypass, remembered, { key });
    await redeem(daypass, remembered, { key }); // twice: what came of it is revoked
    const { answer } = await authorize(daypass, silent);
    expect(answer.get('error')).toBe('consent_required');
  });

  describe('to an app', () => {
    type AppDocument = Record<string, unknown>;
    const OTHER = 'https://other.acme.example/callback';
    let admin: { token: string; key: ReturnType<typeof createProofKey> };
    const call = (method: 'GET' | 'PUT', id: string, body?: object) =>
      createClient(daypass.url, daypass.issuer).call(`/admin/v1/apps/${id}`, {
        method,
        ...admin,
        ...(body && { body }),
      });
    const change = async (id: string, by: AppDocument): Promise<void> => {
      const { body } = await call('GET', id);
      const changed = await call('PUT', id, { ...body, ...by });
      expect(changed.status).toBe(200);
    };
    beforeAll(async () => {
      const key = createProofKey();
      const { body } = await createClient(daypass.url, daypass.issuer).call('/exchange', {
        token: await daypass.signIn('sam', 'daypass'),
        bound: false,
        key,
        body: {
          app_id: 'daypass-cli',
          resource: `${daypass.issuer}/admin`,
          actions: ['admin'],
        },
      });
      admin = { token: String(body.access_token), key };
      await change('portal', { trusted: false, redirect_uris: [WEB, OTHER] });
    });
    const ask = { client: 'portal', redirect: WEB, params: { resource: ORDERS } };
    const silent = { ...ask, params: { ...ask.params, prompt: 'none' } };

    it.each<[string, AppDocument, string?]>([
      ['has another owner', { owner: 'mallory@acme.example' }],
      ['is for something else', { purpose: 'something else altogether' }],
      ['may come back for longer', { refresh: { max_age: '20d' } }],
      ['may come back at all', { refresh: undefined }],
      ['answers elsewhere', {}, OTHER],
    ])('is not remembered once it %s', async (_, by, redirect = WEB) => {
      if ('refresh' in by) await change('portal', { refresh: false });
      const { browser, code } = await authorize(daypass, ask);
      expect(code).not.toBe('');
      expect((await authorize(daypass, { ...silent, browser })).code).not.toBe('');
      await change('portal', by);
      const { answer } = await authorize(daypass, { ...silent, browser, redirect });
      expect(answer.get('error')).toBe('consent_required');
    });

    it('is not given by the form of a page that says something else by now', async () => {
      const browser = newBrowser(daypass);
      const start = await browser.get(authorizeUrl(daypass, ask, random()));
      const page = await browser.submit(formOf(start), { user: 'ana', password: 'demo' });
      expect(page.text).toContain('name="decision"');
      await change('portal', { purpose: 'changed while it was read' });
      expect((await browser.submit(formOf(page), { decision: 'allow' })).status).toBe(400);
    });

    it('by the company is not for people to have given', async () => {
      await change('portal', { trusted: true });
      const { browser, code } = await authorize(daypass, ask);
      expect(code).not.toBe('');
      await change('portal', { trusted: false });
      const { answer } = await authorize(daypass, { ...silent, browser });
      expect(answer.get('error')).toBe('consent_required');
    });
  });
});

describe('what is not spoken here', () => {
  const form = new URLSearchParams({
    client_id: 'portal',
    response_type: 'code',
    redirect_uri: WEB,
    scope: 'openid',
    resource: ORDERS,
    code_challenge: challengeOf('v'.repeat(43)),
    code_challenge_method: 'S256',
  });
  const post = (path: string, body: URLSearchParams) =>
    fetch(`${daypass.url}${path}`, { method: 'POST', body, headers: basic('portal') });

  it('response_mode=form_post is refused before anybody signs in', async () => {
    const asked = new URLSearchParams([...form, ['response_mode', 'form_post']]);
    const page = await fetch(`${daypass.url}/authorize?${asked}`, { redirect: 'manual' });
    expect(page.status).toBe(400);
    const text = await page.text();
    expect(text).toContain('response_mode');
    expect(text).not.toContain('<script');
    expect((await post('/par', asked)).status).toBe(400);
    expect((await post('/par', form)).status).toBe(201);
  });

  it('POST to /authorize and /session/end', async () => {
    for (const path of ['/authorize', '/session/end']) {
      const answer = await post(path, form);
      expect([path, answer.status, answer.headers.get('allow')]).toEqual([path, 405, 'GET']);
    }
  });
});

it.each(['/authorize', '/session/end'])(
  'nobody is asked to authenticate to %s, where the app is not known',
  async (path) => {
    const page = await fetch(`${daypass.url}${path}?client_id=nobody`, { redirect: 'manual' });
    expect([page.status, page.headers.get('www-authenticate')]).toEqual([400, null]);
    expect(await page.text()).toContain(page.headers.get('x-request-id'));
  },
);

it('redirects of the authorization endpoint tell the next page nothing', async () => {
  const answer = await fetch(authorizeUrl(daypass, {}, random()), { redirect: 'manual' });
  expect([answer.status, answer.headers.get('referrer-policy')]).toEqual([303, 'no-referrer']);
});

describe('signing out without having signed in', () => {
  it('is done already: a page says so, or the browser goes where the client has it go', async () => {
    const here = await newBrowser(daypass).get(`${daypass.url}/session/end`);
    expect([here.status, here.text.includes('You are signed out')]).toEqual([200, true]);
    const uri = 'https://portal.acme.example/bye';
    const query = { client_id: 'portal', post_logout_redirect_uri: uri, state: 'x' };
    const there = await newBrowser(daypass).get(
      `${daypass.url}/session/end?${new URLSearchParams(query)}`,
    );
    expect(there.url).toBe(`${uri}?state=x`);
    const evil = new URLSearchParams({
      ...query,
      post_logout_redirect_uri: 'https://evil.example',
    });
    const nowhere = await newBrowser(daypass).get(`${daypass.url}/session/end?${evil}`);
    expect(nowhere.status).toBe(400);
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

  it('can be thought better of: staying changes nothing, and leads back to the app', async () => {
    const browser = newBrowser(daypass);
    const session = await signedIn(daypass, 'portal', { browser });
    const query = {
      client_id: 'portal',
      post_logout_redirect_uri: 'https://portal.acme.example/bye',
      state: 'x',
    };
    const asked = await browser.get(`${daypass.url}/session/end?${new URLSearchParams(query)}`);
    const [, back] = /href="([^"]+)">Stay signed in</.exec(asked.text) ?? [];
    expect(back).toBe('https://portal.acme.example/bye?state=x');
    expect(await isAlive(session)).toBe(true);
    const bare = await browser.get(`${daypass.url}/session/end`);
    expect(bare.text).toContain('To stay signed in, close this page.');
    expect(bare.text).not.toContain('<a ');
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
