import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import type { DeploymentDocument } from '../../src/config/deployment.ts';
import { authorizeUrl, random } from '../support/authorization.ts';
import { startTestDaypass, type TestDaypass } from '../support/daypass.ts';
import { BUCKET, LOOPBACK, ORDERS, PAGE, WEB, withPeopleApps } from '../support/people-apps.ts';
import { launchChromium, openWindow, PHONE, SCREENSHOTS, type Window } from './chromium.ts';
import { accessibility, madeWell, scrollsSideways, tabStops, WCAG } from './made-well.ts';
import { logIn } from './people.ts';

/** A tenant with two IdPs, one of which is down, beside the people's apps. */
const configure = (demo: DeploymentDocument): DeploymentDocument => {
  const { issuers = [], apps = [], tenants = [], ...rest } = withPeopleApps(demo);
  const [corp] = issuers;
  const desk = apps.find(({ id }) => id === 'desk');
  if (!corp || !desk) throw new Error('nothing to start from');
  const partner = {
    ...corp,
    id: 'partners',
    issuer: 'http://localhost:9',
    tenant: 'shared',
    audiences: [],
    sign_in: { client_id: 'daypass' },
  };
  return {
    ...rest,
    tenants: [...tenants, { id: 'shared' }],
    issuers: [corp, partner, { ...partner, id: 'suppliers', issuer: 'http://localhost:10' }],
    apps: [
      ...apps,
      { ...desk, id: 'shared-desk', tenant: 'shared', subject_audiences: [], grants: [] },
    ],
  };
};

let daypass: TestDaypass;
let chromium: Browser;
beforeAll(async () => {
  [daypass, chromium] = await Promise.all([startTestDaypass({ configure }), launchChromium()]);
}, 60_000);
afterAll(async () => {
  await chromium?.close();
  await daypass?.stop();
});

const url = (
  client: string,
  redirect: string | undefined,
  params: Record<string, string | undefined>,
) => authorizeUrl(daypass, { client, ...(redirect && { redirect }), params }, random());

const toConsent = async (page: Page): Promise<void> => {
  await page.goto(url('where2eat', undefined, { resource: BUCKET }));
  await logIn(page);
};

/** Each page, and how somebody gets there from nothing. */
const PAGES: readonly [string, string, (page: Page) => Promise<unknown>][] = [
  [
    'chooser',
    'Sign in to continue to shared-desk',
    (page) => page.goto(url('shared-desk', LOOPBACK, {})),
  ],
  [
    'idp-down',
    'This does not work at the moment',
    async (page) => {
      await page.goto(url('shared-desk', LOOPBACK, {}));
      await page.getByRole('link', { name: 'partners' }).click();
    },
  ],
  ['consent-bucket', 'Allow where2eat to act for you?', toConsent],
  [
    'consent-api',
    'Allow desk to act for you?',
    async (page) => {
      await page.goto(url('desk', LOOPBACK, { resource: ORDERS }));
      await logIn(page);
    },
  ],
  [
    'consent-sign-in-only',
    'Let page know who you are?',
    async (page) => {
      await page.goto(url('page', PAGE, {}));
      await logIn(page);
    },
  ],
  [
    'consent-admin',
    'Allow daypass-cli to act for you?',
    async (page) => {
      await page.goto(
        url('daypass-cli', 'http://127.0.0.1:49999/callback', {
          scope: 'openid admin',
          resource: `${daypass.issuer}/admin`,
          dpop_jkt: random(),
        }),
      );
      await page.getByRole('link', { name: 'corp' }).click(); // it is for admins of every tenant
      await logIn(page, 'sam');
      await page.getByText('5 minutes, once.').waitFor();
    },
  ],
  ['error-of-the-app', 'Sign-in did not work', (page) => page.goto(url('where2eat', WEB, {}))],
  [
    'error-of-the-person',
    'Sign-in did not work',
    (page) => page.goto(`${daypass.url}/sign-in/${random()}`),
  ],
  [
    'sign-out',
    'Sign out?',
    async (page) => {
      await toConsent(page);
      await page.goto(`${daypass.url}/session/end`);
    },
  ],
  [
    'sign-out-for-an-app',
    'Sign out?',
    async (page) => {
      await toConsent(page);
      const query = 'client_id=portal&post_logout_redirect_uri=https://portal.acme.example/bye';
      await page.goto(`${daypass.url}/session/end?${query}`);
    },
  ],
  ['signed-out', 'You are signed out', (page) => page.goto(`${daypass.url}/session/end`)],
  [
    'sign-out-error',
    'Sign-out did not work',
    (page) =>
      page.goto(
        `${daypass.url}/session/end?client_id=portal&post_logout_redirect_uri=https://evil.example`,
      ),
  ],
];

describe.each(PAGES)('the page %s', (name, heading, open) => {
  it('needs no script, breaks no rule of its CSP, and is good for everybody', async () => {
    for (const javaScriptEnabled of [false, true]) {
      const { context, page, complaints } = await openWindow(chromium, { javaScriptEnabled });
      await open(page);
      await page.getByRole('heading', { level: 1, name: heading }).waitFor();
      if (javaScriptEnabled) await madeWell(page, name);
      expect(complaints.filter((each) => !each.includes('status of 503'))).toEqual([]);
      await context.close();
    }
  });
});

describe('the demo IdP', () => {
  it('has a login page that is good for everybody, also after a wrong password', async () => {
    const { context, page, complaints } = await openWindow(chromium);
    await page.goto(url('where2eat', undefined, { resource: BUCKET }));
    await madeWell(page, 'idp-login');
    await logIn(page, 'ana', 'wrong');
    await page.getByRole('alert').waitFor();
    await madeWell(page, 'idp-login-again');
    expect(complaints).toEqual([]);
    await context.close();
  });
});

describe('by keyboard alone', () => {
  let window: Window;
  beforeEach(async () => {
    window = await openWindow(chromium, { javaScriptEnabled: false });
  });
  afterEach(() => window?.context.close());

  it('somebody signs in, reads what is asked, and allows it', async () => {
    const { page } = window;
    // Nobody serves the app here: the browser asking for it is all there is to see.
    const back = page.waitForRequest(/^http:\/\/localhost:5173\/callback\?.*code=/);
    await page.goto(url('where2eat', undefined, { resource: BUCKET }));
    await page.keyboard.type('ana'); // the first field has the focus
    await page.keyboard.press('Tab');
    await page.keyboard.type('demo');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Allow where2eat to act for you?' }).waitFor();
    expect(await tabStops(page)).toEqual([
      { name: 'Allow', outline: true },
      { name: 'Do not allow', outline: true },
    ]);
    await page.getByRole('button', { name: 'Do not allow' }).focus();
    await page.keyboard.press('Shift+Tab');
    await page.keyboard.press('Enter');
    await back;
  });

  it('somebody chooses where they have their account', async () => {
    const { page } = window;
    await page.goto(url('shared-desk', LOOPBACK, {}));
    const stops = await tabStops(page);
    expect(stops.map(({ outline }) => outline)).toEqual([true, true]);
    expect(stops[0]?.name).toContain('partners');
  });
});

/** What no style sheet mends: its links within buttons, and its list of servers without a label. */
const OF_SWAGGER_UI = ['nested-interactive', 'select-name', 'target-size'];

/** Its pattern is the same a hundred times over. */
const PART = ['.information-container', '.opblock-tag-section:first-child'];

describe('/docs', () => {
  it('breaks no rule of its CSP, can be read, fits a phone, and says without script where the description is', async () => {
    const { context, page, complaints } = await openWindow(chromium);
    await page.goto(`${daypass.url}/docs`);
    await page
      .getByRole('heading', { name: /^Daypass/ })
      .first()
      .waitFor();
    await page.locator(`${PART[1]} .opblock`).first().waitFor();
    const { found } = await accessibility(page, { tags: WCAG, within: PART });
    const ours = found.filter((each) => !OF_SWAGGER_UI.some((rule) => each.startsWith(`${rule}:`)));
    expect(ours).toEqual([]);
    await page.screenshot({ path: join(SCREENSHOTS, 'docs-desktop.png') });
    await page.setViewportSize(PHONE);
    expect(await scrollsSideways(page)).toBe(false);
    expect(complaints).toEqual([]);
    await context.close();
    const bare = await openWindow(chromium, { javaScriptEnabled: false });
    await bare.page.goto(`${daypass.url}/docs`);
    await bare.page.getByRole('link', { name: '/openapi.json' }).click();
    expect(bare.page.url()).toBe(`${daypass.url}/openapi.json`);
    await bare.context.close();
  });
});
