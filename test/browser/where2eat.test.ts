import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, Page, Request } from 'playwright-core';
import { PNG } from '../support/upload-story.ts';
import { launchChromium, openWindow, picture } from './chromium.ts';
import { logIn } from './people.ts';
import { startWhere2Eat, type Where2Eat } from './where2eat.ts';

let chromium: Browser;
beforeAll(async () => {
  chromium = await launchChromium();
}, 60_000);
afterAll(() => chromium?.close());

const PICTURE = { name: 'menu.png', mimeType: 'image/png', buffer: PNG };

const upload = async (page: Page): Promise<void> => {
  await page.getByLabel('A picture of the menu').setInputFiles(PICTURE);
  await page.getByRole('button', { name: 'Upload' }).click();
};

const available = (page: Page) =>
  page.getByRole('status').filter({ hasText: 'available' }).waitFor();

const told = (page: Page): Promise<string[]> => page.locator('#log li').allTextContents();

describe('where2eat, signed in at Daypass', () => {
  let app: Where2Eat;
  beforeAll(async () => {
    app = await startWhere2Eat();
  }, 60_000);
  afterAll(() => app?.stop());

  const signIn = async (page: Page): Promise<void> => {
    await page.goto(app.url);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await logIn(page);
    await page.getByRole('button', { name: 'Allow', exact: true }).click();
    await page.getByText('Signed in as').waitFor();
  };

  it('signs in, trades, uploads, shows once, renews unasked and signs out', async () => {
    const { context, page, complaints } = await openWindow(chromium);
    const requests: Request[] = [];
    context.on('request', (request) => requests.push(request));
    const to = (path: string): Request[] =>
      requests.filter(
        (request) =>
          request.url().startsWith(app.daypass.url + path) && request.method() === 'POST',
      );
    const statuses = async (path: string): Promise<(number | undefined)[]> =>
      Promise.all(to(path).map(async (request) => (await request.response())?.status()));

    await page.goto(app.url);
    await page.getByRole('button', { name: 'Sign in' }).waitFor();
    await picture(page, 'app-1-signed-out');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await logIn(page);
    await page.getByRole('heading', { name: 'Allow where2eat to act for you?' }).waitFor();
    await page.getByRole('button', { name: 'Allow', exact: true }).click();
    await page.getByText('Signed in as u_').waitFor();
    expect(page.url()).toBe(`${app.url}/`); // without the code
    // The key is proven from the first token on; the first proof learns the nonce (RFC 9449 §8).
    expect(await statuses('/token')).toEqual([400, 200]);
    const tokens = (await (await to('/token').at(-1)?.response())?.json()) as object;
    expect(tokens).toMatchObject({ token_type: 'DPoP', expires_in: 300 });
    expect(tokens).not.toHaveProperty('refresh_token');
    await picture(page, 'app-2-signed-in');

    await upload(page);
    await available(page);
    expect((await statuses('/exchange')).at(-1)).toBe(200);
    await page.getByRole('button', { name: 'Show it by a link' }).click();
    await page.getByRole('img').waitFor();
    expect(await page.evaluate("document.getElementById('shared').naturalWidth")).toBe(1);
    await picture(page, 'app-3-shown');
    await page.getByRole('button', { name: 'Use the same link again' }).click();
    await page.getByRole('alert').filter({ hasText: 'worked once' }).waitFor();
    await picture(page, 'app-4-link-used');

    app.daypass.advance(301);
    await upload(page);
    await page.getByRole('heading', { name: 'Your access has ended' }).waitFor();
    await picture(page, 'app-5-lapsed');
    const popup = context.waitForEvent('page');
    await page.getByRole('button', { name: 'Carry on' }).click();
    expect(await (await popup).opener()).toBe(page);
    await page.getByText('Renewed without being asked anything').waitFor();
    await upload(page);
    await available(page);

    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'Sign out?' }).waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.waitForURL(`${app.url}/`);
    await page.getByRole('button', { name: 'Sign in' }).waitFor();
    expect(await page.evaluate('sessionStorage.length')).toBe(0);

    // No request of the app has ever carried a cookie, though host and site are the same.
    for (const request of [...to('/token'), ...to('/exchange'), ...to('/request-upload')]) {
      expect(await request.headerValue('cookie')).toBeNull();
    }
    expect(complaints).toEqual([]);
    await context.close();
  });

  it('signed out in another tab: its pass is refused at once, and renewing too', async () => {
    const { context, page, complaints } = await openWindow(chromium);
    await signIn(page);
    await upload(page);
    await available(page);
    const other = await context.newPage();
    await other.goto(`${app.daypass.url}/session/end`);
    await other.getByRole('button', { name: 'Sign out' }).click();
    await other.getByRole('heading', { name: 'You are signed out' }).waitFor();

    await upload(page);
    await page.getByRole('heading', { name: 'Your access has ended' }).waitFor();
    await page.getByRole('button', { name: 'Carry on' }).click();
    await page.getByRole('button', { name: 'Sign in' }).waitFor();
    expect((await told(page)).at(-1)).toBe('Nobody is signed in any more');
    expect(complaints).toEqual([]);
    await context.close();
  });

  it('staying signed in, asked by the app to sign out, leaves Daypass as it was', async () => {
    const { context, page } = await openWindow(chromium);
    await signIn(page);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('link', { name: 'Stay signed in' }).click();
    await page.getByRole('button', { name: 'Sign in' }).click();
    // Nobody asks for a password: the app alone has forgotten its person, and its key.
    await page.getByRole('heading', { name: 'Allow where2eat to act for you?' }).waitFor();
    await context.close();
  });

  it('declined: the app hears so, and says so', async () => {
    const { context, page } = await openWindow(chromium);
    await page.goto(app.url);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await logIn(page);
    await page.getByRole('button', { name: 'Do not allow' }).click();
    await page.getByRole('alert').filter({ hasText: 'did not allow' }).waitFor();
    await picture(page, 'app-6-declined');
    await context.close();
  });

  it('Back after signing out shows nothing that was private', async () => {
    const { context, page } = await openWindow(chromium);
    await page.goto(app.url);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await logIn(page);
    const consent = page.url();
    await page.getByRole('button', { name: 'Allow', exact: true }).click();
    await page.getByText('Signed in as').waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.waitForURL(`${app.url}/`);
    for (let steps = 0; steps < 6; steps += 1) {
      await page.goBack().catch(() => null);
      const text = (await page.locator('body').textContent()) ?? '';
      expect([page.url(), text]).toEqual([
        page.url(),
        expect.not.stringMatching(/Ana|u_[0-9a-z]{26}/),
      ]);
    }
    await page.goto(consent);
    await page.getByRole('heading', { name: 'Sign-in did not work' }).waitFor();
    await context.close();
  });
});

describe('where2eat, signed in at the company itself', () => {
  let app: Where2Eat;
  beforeAll(async () => {
    app = await startWhere2Eat('company');
  }, 60_000);
  afterAll(() => app?.stop());

  it('trades the ID token again and again while it lasts; then the company says whether they are signed in', async () => {
    const { context, page, complaints } = await openWindow(chromium);
    await page.goto(app.url);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await logIn(page);
    await page.getByText('Signed in as Ana Alves').waitFor();
    await upload(page);
    await available(page);
    app.daypass.advance(130); // the pass is over, the ID token is not
    await upload(page);
    await available(page);
    const exchanges = (await told(page)).filter((line) => line.startsWith('Exchanged'));
    expect(exchanges).toHaveLength(2);

    const other = await context.newPage();
    await other.goto(`http://localhost:${app.daypass.idpPort}/session/end`);
    await other.getByRole('button', { name: 'Sign out' }).click();
    await other.getByText('You may close this page').waitFor();
    app.daypass.advance(3600); // now the ID token is over, too
    await upload(page);
    await page.getByRole('heading', { name: 'Your access has ended' }).waitFor();
    await page.getByRole('button', { name: 'Carry on' }).click();
    await page.getByRole('button', { name: 'Sign in' }).waitFor();
    expect(complaints).toEqual([]);
    await context.close();
  });
});
