import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { throughPages } from '../support/authorization.ts';
import { Browser, formOf } from '../support/browser.ts';
import { startTestDaypass, type TestDaypass } from '../support/daypass.ts';
import { SECRET } from '../support/people-apps.ts';
import { freePort } from '../support/rig.ts';
import { type Apache, startApache } from './apache.ts';

/** libapache2-mod-auth-openidc, Debian's, as a relying party: it is told the discovery URL, its id and its secret. */

let daypass: TestDaypass;
let apache: Apache;
beforeAll(async () => {
  const port = await freePort();
  const url = `http://localhost:${port}`;
  daypass = await startTestDaypass({
    configure: (demo) => ({
      ...demo,
      apps: [
        ...(demo.apps ?? []),
        {
          id: 'intranet',
          tenant: 'acme',
          owner: 'dana@acme.example',
          purpose: 'pages for everybody here',
          expires: '2099-01-01',
          type: 'web',
          redirect_uris: [`${url}/private/callback`],
          post_logout_redirect_uris: [`${url}/`],
          secret_hash: [`sha256:${createHash('sha256').update(SECRET).digest('hex')}`],
        },
      ],
    }),
  });
  apache = await startApache(port, [
    `OIDCProviderMetadataURL ${daypass.issuer}/.well-known/openid-configuration`,
    'OIDCClientID intranet',
    `OIDCClientSecret ${SECRET}`,
    `OIDCRedirectURI ${url}/private/callback`,
    'OIDCCryptoPassphrase something-of-its-own',
    'OIDCPKCEMethod S256',
    'OIDCScope "openid profile"',
    'OIDCRemoteUserClaim sub',
  ]);
}, 60_000);
afterAll(async () => {
  await apache?.stop();
  await daypass?.stop();
});

const browserOf = () =>
  new Browser([daypass.url, `http://localhost:${daypass.idpPort}`, apache.url]);

const signIn = async (browser: Browser, user = 'ana') => {
  const start = await browser.get(`${apache.url}/private/`);
  return throughPages(browser, start, { user });
};

describe('mod_auth_openidc', () => {
  it('sends whoever is not signed in to Daypass, with state, nonce and PKCE', async () => {
    const accept = 'text/html';
    const answer = await fetch(`${apache.url}/private/`, {
      redirect: 'manual',
      headers: { accept },
    });
    const to = new URL(answer.headers.get('location') ?? '');
    expect(`${to.origin}${to.pathname}`).toBe(`${daypass.issuer}/authorize`);
    expect([...to.searchParams.keys()]).toEqual(
      expect.arrayContaining(['state', 'nonce', 'code_challenge']),
    );
    expect(to.searchParams.get('code_challenge_method')).toBe('S256');
  });

  it('lets in who has signed in and agreed, and hands on what the ID token and userinfo say', async () => {
    const page = await signIn(browserOf());
    expect({ status: page.status, text: page.text, log: await apache.log() }).toMatchObject({
      status: 200,
      text: 'for whoever is signed in\n',
    });
    expect(page.headers.get('x-subject')).toMatch(/^u_[0-9A-Za-z]{26}$/);
    expect(page.headers.get('x-tenant')).toBe('acme');
    expect(page.headers.get('x-issuer')).toBe(daypass.issuer);
  });

  it('keeps people apart', async () => {
    const [ana, uma] = [await signIn(browserOf()), await signIn(browserOf(), 'uma')];
    expect(ana.headers.get('x-subject')).not.toBe(uma.headers.get('x-subject'));
  });

  it('lets nobody in who said no', async () => {
    const browser = browserOf();
    const start = await browser.get(`${apache.url}/private/`);
    const page = await throughPages(browser, start, { decision: 'deny' });
    expect(page.url).toContain('error=access_denied');
    expect(page.text).not.toContain('for whoever is signed in');
  });

  it('signs out here and there: the next visit asks who it is', async () => {
    const browser = browserOf();
    await signIn(browser);
    expect((await browser.get(`${apache.url}/private/`)).status).toBe(200);
    const back = encodeURIComponent(`${apache.url}/`);
    const asked = await browser.get(`${apache.url}/private/callback?logout=${back}`);
    expect(asked.url).toContain(`${daypass.issuer}/session/end`);
    const out = await browser.submit(formOf(asked), { logout: 'yes' });
    expect(out.url).toContain(`${apache.url}/`);
    expect(out.text).toBe('for everybody\n');
    const again = await browser.get(`${apache.url}/private/`);
    expect(again.text).not.toContain('for whoever is signed in');
    expect(new URL(again.url).origin).not.toBe(apache.url);
  });
});
