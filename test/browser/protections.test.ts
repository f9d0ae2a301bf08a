import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import type { DeploymentDocument } from '../../src/config/deployment.ts';
import { startDemoIdp } from '../../src/demo/idp.ts';
import { callbackUrlOf } from '../../src/federation/federation.ts';
import { authorizeUrl, random } from '../support/authorization.ts';
import { createAuthority } from '../support/certificates.ts';
import { freePort, startTestDaypass, type TestDaypass } from '../support/daypass.ts';
import { LOOPBACK, ORDERS, PAGE, WEB, withPeopleApps } from '../support/people-apps.ts';
import { launchChromium, openWindow, picture } from './chromium.ts';
import { logIn } from './people.ts';
import { startWhere2Eat, type Where2Eat } from './where2eat.ts';

let chromium: Browser;
beforeAll(async () => {
  chromium = await launchChromium();
}, 60_000);
afterAll(() => chromium?.close());

const servers: Server[] = [];
afterAll(() => {
  for (const server of servers) {
    server.close();
    server.closeAllConnections();
  }
});

/** A page of somebody else's on this machine. A pretended one would be refused for its address space, not by us. */
const serve = async (body = '<!doctype html><p>here</p>') => {
  const server = createServer((_, response) =>
    response.writeHead(200, { 'Content-Type': 'text/html' }).end(body),
  ).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return `http://localhost:${port}/`;
};

/** What a script of the page gets: the status, or that the browser keeps the answer from it. */
const fetched = (page: Page, url: string, init: object = {}): Promise<number | 'blocked'> =>
  page.evaluate<number | 'blocked'>(
    `fetch(${JSON.stringify(url)}, ${JSON.stringify(init)}).then((answer) => answer.status, () => 'blocked')`,
  );

describe('over https', () => {
  let daypass: TestDaypass;
  beforeAll(async () => {
    const { issue, certificate: ca } = createAuthority();
    const { certificate, key } = issue({ names: 'DNS:localhost' });
    const port = await freePort();
    daypass = await startTestDaypass({
      configure: withPeopleApps,
      env: {
        PORT: String(port),
        ISSUER: `https://localhost:${port}`,
        TLS_CERTIFICATE: `${certificate}${ca}`,
        TLS_KEY: key,
      },
    });
  }, 60_000);
  afterAll(() => daypass?.stop());

  it('every cookie is for this host and for TLS alone, out of reach of scripts and of forms elsewhere', async () => {
    const { context, page, complaints } = await openWindow(chromium, { ignoreHTTPSErrors: true });
    const url = { ...daypass, url: daypass.issuer };
    const asked = { client: 'desk', redirect: LOOPBACK };
    await page.goto(authorizeUrl(url, { ...asked, params: { resource: ORDERS } }, random()));
    await logIn(page);
    await page.getByRole('heading', { name: 'Allow desk to act for you?' }).waitFor();
    const cookies = (await context.cookies()).filter(({ name }) => name.includes('daypass'));
    const hosts = cookies.filter(({ name }) => name.startsWith('__Host-'));
    expect(hosts.map(({ name }) => name.replace(/\.(sig|legacy).*$/, '.sig')).sort()).toEqual(
      expect.arrayContaining(['__Host-daypass_pending', '__Host-daypass_session']),
    );
    for (const { name, secure, httpOnly, sameSite, domain, path } of cookies) {
      expect([name, { secure, httpOnly, sameSite, domain }]).toEqual([
        expect.stringMatching(/^__(Host|Secure)-/),
        { secure: true, httpOnly: true, sameSite: 'Lax', domain: 'localhost' },
      ]);
      if (name.startsWith('__Host-')) expect(path).toBe('/');
    }
    expect(await page.evaluate('document.cookie')).not.toContain('daypass');
    expect(complaints).toEqual([]);
    await context.close();
  });

  it('a trusted app of a place of its own gets its code without a page; one on loopback shows it', async () => {
    const { context, page } = await openWindow(chromium, { ignoreHTTPSErrors: true });
    const url = { ...daypass, url: daypass.issuer };
    const asked = { params: { resource: ORDERS } };
    // Signed in to something else before: the demo IdP's own page lets its form lead to this machine alone.
    const desk = { ...asked, client: 'desk', redirect: LOOPBACK };
    await page.goto(authorizeUrl(url, desk, random()));
    await logIn(page);
    await page.getByRole('heading', { name: 'Allow desk to act for you?' }).waitFor();
    // Nobody serves the app: the browser asking for it is all there is to see.
    const back = page.waitForRequest(/^https:\/\/portal\.acme\.example\/callback\?.*code=/);
    const portal = authorizeUrl(url, { ...asked, client: 'portal', redirect: WEB }, random());
    await page.goto(portal).catch(() => undefined);
    await back;
    const other = await context.newPage();
    await other.goto(authorizeUrl(url, { ...asked, client: 'own-page', redirect: PAGE }, random()));
    await other.getByRole('heading', { name: 'Allow own-page to act for you?' }).waitFor();
    await context.close();
  });
});

describe('somebody signed in to where2eat', () => {
  let app: Where2Eat;
  let context: BrowserContext;
  let page: Page;
  let complaints: readonly string[];
  beforeAll(async () => {
    app = await startWhere2Eat();
    ({ context, page, complaints } = await openWindow(chromium));
    await page.goto(app.url);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await logIn(page);
    await page.getByRole('button', { name: 'Allow', exact: true }).click();
    await page.getByText('Signed in as').waitFor();
  }, 60_000);
  afterAll(async () => {
    await context?.close();
    await app?.stop();
  });

  const APIS: readonly [string, string, object | undefined][] = [
    ['GET', '/userinfo', undefined],
    ['GET', '/objects?resource=bucket:project-123', undefined],
    ['POST', '/exchange', { resource: 'bucket:project-123' }],
    ['POST', '/request-upload', { filename: 'x.png', size: 1, contentType: 'image/png' }],
    ['POST', '/request-download', { objectId: 'ob_00000000000000000000000000' }],
    ['GET', '/admin/v1/tokens', undefined],
  ];

  it.each(APIS)(
    'is nobody to %s %s by their cookie, from the app or from here',
    async (method, path, body) => {
      const init = { method, credentials: 'include', ...(body && { body: JSON.stringify(body) }) };
      const url = `${app.daypass.url}${path}`;
      expect(await fetched(page, url, init)).toBe('blocked');
      const own = await context.newPage();
      await own.goto(`${app.daypass.url}/openapi.json`);
      const sent = own.waitForRequest((request) => request.url() === url);
      expect(await fetched(own, url, init)).toBe(401);
      expect(await (await sent).headerValue('cookie')).toContain('daypass_session');
      await own.close();
    },
  );

  it('has no cookie that a script of the app could read, though the host is the same', async () => {
    expect(await page.evaluate('document.cookie')).not.toContain('daypass');
  });

  it('is out of reach of a page of another origin, which the app’s own is not', async () => {
    const url = `${app.daypass.url}/.well-known/openid-configuration`;
    const other = await context.newPage();
    const elsewhere = await serve();
    await other.goto(elsewhere);
    const before = complaints.length;
    expect(await fetched(other, url)).toBe('blocked');
    expect(complaints.slice(before).join()).toContain('blocked by CORS policy');
    const preflighted = { method: 'POST', headers: { DPoP: 'x', Authorization: 'Bearer x' } };
    expect(await fetched(other, `${app.daypass.url}/exchange`, preflighted)).toBe('blocked');
    expect(await fetched(page, url)).toBe(200);
    expect(await fetched(page, `${app.daypass.url}/exchange`, preflighted)).toBe(400);
    await other.close();
  });

  it.each(['/session/end', '/sign-in/nothing', '/docs'])('sees %s in no frame', async (path) => {
    const other = await context.newPage();
    const elsewhere = await serve(
      `<!doctype html><iframe src="${app.daypass.url}${path}"></iframe>`,
    );
    const refused = other.waitForEvent('requestfailed', (request) => request.url().endsWith(path));
    await other.goto(elsewhere);
    expect((await refused).failure()?.errorText).toBe('net::ERR_BLOCKED_BY_RESPONSE');
    await other.close();
  });
});

describe('a tenant with two IdPs', () => {
  let daypass: TestDaypass;
  let stopOther: () => Promise<void>;
  beforeAll(async () => {
    const port = await freePort();
    const self = `http://localhost:${port}`;
    const other = await startDemoIdp({
      port: 0,
      relyingParties: [
        {
          clientId: 'daypass',
          redirectUri: callbackUrlOf(self, 'partners'),
          logoutUri: `${self}/backchannel-logout/partners`,
          signedOutUris: [],
        },
      ],
    });
    stopOther = other.stop;
    const configure = (demo: DeploymentDocument): DeploymentDocument => {
      const [corp] = demo.issuers ?? [];
      if (!corp) throw new Error('nothing to start from');
      const apps = (demo.apps ?? []).map((app) => ({ ...app, subject_audiences: [] }));
      const partners = { ...corp, id: 'partners', issuer: other.issuer };
      return { ...demo, apps, issuers: [corp, partners] };
    };
    daypass = await startTestDaypass({ configure, env: { PORT: String(port), ISSUER: self } });
    Object.assign(daypass, { url: self });
  }, 60_000);
  afterAll(async () => {
    await daypass?.stop();
    await stopOther?.();
  });

  it('lets people choose by a page that needs no script, and tells them whose sign-in they used', async () => {
    const seen: string[] = [];
    for (const name of ['corp', 'partners']) {
      const { context, page, complaints } = await openWindow(chromium, {
        javaScriptEnabled: false,
      });
      const url = { ...daypass, url: daypass.issuer };
      await page.goto(authorizeUrl(url, { params: { resource: 'bucket:project-123' } }, random()));
      await page.getByRole('heading', { name: 'Sign in to continue to where2eat' }).waitFor();
      await picture(page, 'chooser-two');
      await page.getByRole('link', { name }).click();
      await logIn(page);
      await page.getByText(`Ana Alves (ana@acme.example), at ${name}.`).waitFor();
      seen.push(/u_[0-9a-z]{26}/.exec((await page.locator('main').textContent()) ?? '')?.[0] ?? '');
      expect(complaints).toEqual([]);
      await context.close();
    }
    // One name, one address, two companies: two people.
    expect(new Set(seen).size).toBe(2);
    expect(seen).not.toContain('');
  });
});
