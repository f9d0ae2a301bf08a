import { mkdtemp, rm, stat } from 'node:fs/promises';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { demoToken } from '../../../src/demo/demo-token.ts';
import { type DemoIdp, startDemoIdp } from '../../../src/demo/idp.ts';

describe('demo IdP', () => {
  let dir: string;
  let idp: DemoIdp;

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'daypass-idp-'));
    idp = await startDemoIdp({ port: 0, dir });
  });

  afterAll(async () => {
    await idp.stop();
    await rm(dir, { recursive: true });
  });

  const token = (user: string, password = 'demo', audience = 'where2eat'): Promise<string> =>
    demoToken({ issuer: idp.issuer, user, password, audience });

  const authorize = (parameters: Record<string, string>): string =>
    `${idp.issuer}/auth?${new URLSearchParams({
      client_id: 'where2eat',
      response_type: 'code',
      redirect_uri: 'http://localhost:5173/callback',
      scope: 'openid',
      code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
      code_challenge_method: 'S256',
      ...parameters,
    })}`;

  const cookiesOf = (answer: Response): string =>
    answer.headers
      .getSetCookie()
      .map((line) => line.split(';')[0])
      .join('; ');

  /** The login page of a new sign-in, with what a browser keeps to send the form. */
  const openLogin = async () => {
    const start = await fetch(authorize({}), { redirect: 'manual' });
    const url = new URL(start.headers.get('location') ?? '', idp.issuer).href;
    const cookie = cookiesOf(start);
    const page = await fetch(url, { headers: { cookie } });
    return { url, cookie, page, html: await page.text() };
  };

  describe('an ID token', () => {
    it('is signed with RS256 by a published key, for an hour, and says when the person signed in', async () => {
      const { payload, protectedHeader } = await jwtVerify(
        await token('ana'),
        createRemoteJWKSet(new URL(`${idp.issuer}/jwks`)),
        { issuer: idp.issuer, audience: 'where2eat', algorithms: ['RS256'] },
      );
      expect(protectedHeader.alg).toBe('RS256');
      expect(payload.exp! - payload.iat!).toBe(3600);
      expect(payload.auth_time).toBeGreaterThan(payload.iat! - 60);
    });

    it.each([
      ['ana', { groups: ['builders'], dept: 'marketing', region: 'eu', email: 'ana@acme.example' }],
      ['sam', { groups: ['security-team'], name: 'Sam Sorensen' }],
      ['uma', { groups: ['auditors'], name: 'Uma Usman' }],
    ])('tells who %s is', async (user, claims) => {
      const [, body = ''] = (await token(user)).split('.');
      const payload = JSON.parse(Buffer.from(body, 'base64url').toString());
      expect(payload).toMatchObject({ sub: user, ...claims });
    });

    it.each(['daypass', 'where2eat', 'lowcode', 'nightly-report'])(
      'is issued for %s',
      async (audience) => {
        expect(await token('sam', 'demo', audience)).toMatch(/^ey/);
      },
    );
  });

  describe('the login page', () => {
    it('works without a script and loads nothing from elsewhere', async () => {
      const { page, html } = await openLogin();
      expect(page.status).toBe(200);
      expect(page.headers.get('content-security-policy')).toMatch(
        /^default-src 'none'; style-src 'sha256-/,
      );
      expect(html).not.toMatch(/<script|src=|@import/);
    });

    it('has a language, a heading, a label for each field, and the people to try', async () => {
      const { html } = await openLogin();
      expect(html).toMatch(
        /<html lang="en">.*<h1>.*for="user".*id="user".*for="password".*id="password"/s,
      );
      for (const user of ['ana', 'sam', 'uma'])
        expect(html).toContain(`<th scope="row">${user}</th>`);
    });

    it('comes again with 401 and a message when the password is wrong, keeping the user, escaped', async () => {
      const { url, cookie } = await openLogin();
      const body = new URLSearchParams({ user: 'ana"><b', password: 'guess' });
      const answer = await fetch(url, { method: 'POST', headers: { cookie }, body });
      const html = await answer.text();
      expect(answer.status).toBe(401);
      expect(html).toMatch(/role="alert"[^>]*>User or password is wrong/);
      expect(html).toContain('value="ana&#34;&#62;&#60;b"');
    });

    it('refuses a sign-in that another browser began', async () => {
      const { url } = await openLogin();
      const answer = await fetch(url);
      expect(answer.status).toBe(400);
      expect(await answer.text()).toContain('this sign-in has expired');
    });
  });

  it('signs nobody in without PKCE', async () => {
    const url = authorize({ code_challenge: '', code_challenge_method: '' });
    const answer = await fetch(url, { redirect: 'manual' });
    expect(answer.headers.get('location')).toMatch(/error=invalid_request.*PKCE/);
  });

  it('sends a code to loopback only', async () => {
    const answer = await fetch(authorize({ redirect_uri: 'http://evil.example/callback' }));
    expect(answer.status).toBe(400);
    expect(await answer.text()).toContain('redirect_uri');
  });

  it('signs out at the request of a client, after asking', async () => {
    const { url, cookie } = await openLogin();
    const body = new URLSearchParams({ user: 'ana', password: 'demo' });
    const sent = await fetch(url, {
      method: 'POST',
      headers: { cookie },
      body,
      redirect: 'manual',
    });
    const resumed = await fetch(sent.headers.get('location') ?? '', {
      headers: { cookie },
      redirect: 'manual',
    });
    const session = cookiesOf(resumed);
    const again = await fetch(authorize({}), { headers: { cookie: session }, redirect: 'manual' });
    expect(again.headers.get('location')).toContain('/callback?code='); // signed in: no page

    const question = await fetch(`${idp.issuer}/session/end`, { headers: { cookie: session } });
    const html = await question.text();
    expect(html).toContain('>Sign out</button>');
    const [, xsrf = ''] = /name="xsrf" value="([^"]+)"/.exec(html) ?? [];
    const done = await fetch(`${idp.issuer}/session/end/confirm`, {
      method: 'POST',
      headers: { cookie: session },
      body: new URLSearchParams({ xsrf, logout: 'yes' }),
    });
    expect(await done.text()).toContain('Signed out');
    const after = await fetch(authorize({}), { headers: { cookie: session }, redirect: 'manual' });
    expect(after.headers.get('location')).toContain('/interaction/');
  });

  it('names its own address, whatever Host a request carries', async () => {
    const url = new URL(`${idp.issuer}/.well-known/openid-configuration`);
    const document = await new Promise<string>((resolve, reject) => {
      get({
        hostname: '127.0.0.1',
        port: url.port,
        path: url.pathname,
        headers: { host: 'evil.example' },
      })
        .on('error', reject)
        .on('response', async (response) => {
          resolve(Buffer.concat(await response.toArray()).toString());
        });
    });
    expect(JSON.parse(document)).toMatchObject({
      issuer: idp.issuer,
      token_endpoint: `${idp.issuer}/token`,
    });
  });

  it('keeps its key over a restart, readable by its owner only', async () => {
    const keys = async (issuer: string) => (await fetch(`${issuer}/jwks`)).json();
    const again = await startDemoIdp({ port: 0, dir });
    expect(await keys(again.issuer)).toEqual(await keys(idp.issuer));
    await again.stop();
    expect((await stat(join(dir, 'signing-key.json'))).mode & 0o077).toBe(0);
  });

  it('takes further clients, in place of its own where the id is the same', async () => {
    const replaced = {
      client_id: 'daypass',
      token_endpoint_auth_method: 'none' as const,
      application_type: 'native' as const,
      redirect_uris: ['http://localhost/sign-in/callback'],
    };
    const other = await startDemoIdp({ port: 0, dir, clients: [replaced] });
    const refused = demoToken({
      issuer: other.issuer,
      user: 'ana',
      password: 'demo',
      audience: 'daypass',
    });
    await expect(refused).rejects.toThrow('redirect_uri');
    await other.stop();
  });

  it('sends people back to a broker that speaks TLS on this machine', async () => {
    const redirectUri = 'https://localhost:8443/sign-in/callback/corp';
    const relyingParties = [
      {
        clientId: 'daypass',
        redirectUri,
        logoutUri: 'https://localhost:8443/backchannel-logout/corp',
        signedOutUris: ['https://localhost:8443/'],
      },
    ];
    const other = await startDemoIdp({ port: 0, dir, relyingParties });
    try {
      const asked = authorize({ client_id: 'daypass', redirect_uri: redirectUri });
      const url = asked.replace(idp.issuer, other.issuer);
      const answer = await fetch(url, { redirect: 'manual' });
      expect(answer.status).toBe(303);
      expect(answer.headers.get('location')).toMatch(/^\/interaction\//);
    } finally {
      await other.stop();
    }
  });

  it('says so when its port is taken', async () => {
    const port = Number(new URL(idp.issuer).port);
    await expect(startDemoIdp({ port, dir })).rejects.toThrow(
      `port ${port}, the demo IdP's, is taken`,
    );
  });

  describe('demoToken', () => {
    it('says that the password is wrong', async () => {
      await expect(token('ana', 'guess')).rejects.toThrow(
        'cannot sign in as ana: User or password is wrong',
      );
    });

    it('says that the audience is no client of the IdP', async () => {
      await expect(token('ana', 'demo', 'nobody')).rejects.toThrow(
        'refuses this sign-in: invalid_client',
      );
    });

    it('says how to start the IdP when it is not running', async () => {
      const gone = await startDemoIdp({ port: 0, dir });
      await gone.stop();
      const request = { issuer: gone.issuer, user: 'ana', password: 'demo', audience: 'where2eat' };
      await expect(demoToken(request)).rejects.toThrow('start it with npm start');
    });
  });
});
