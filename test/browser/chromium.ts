import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type BrowserContext,
  type BrowserContextOptions,
  type Browser as Chromium,
  chromium,
  type Page,
} from 'playwright-core';

/** A real browser, headless, and what it complains of. */

/** Kept for whoever wants to see what users see; not in git. */
export const SCREENSHOTS = join(import.meta.dirname, 'screenshots');

export const DESKTOP = { width: 1280, height: 800 };
export const PHONE = { width: 390, height: 844 };

export const launchChromium = (): Promise<Chromium> =>
  chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    // Root has no sandbox, and a container little shared memory.
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'],
  });

export interface Window {
  readonly context: BrowserContext;
  readonly page: Page;
  /** What the console said of broken rules, in any page: CSP violations, refused resources, errors of scripts. */
  readonly complaints: string[];
}

/** A browser profile of its own: no cookie and no storage of another test is in it. */
export const openWindow = async (
  browser: Chromium,
  options: BrowserContextOptions = {},
): Promise<Window> => {
  const context = await browser.newContext({ viewport: DESKTOP, locale: 'en-GB', ...options });
  const complaints: string[] = [];
  const note = (text: string): void => void complaints.push(text);
  context.on('console', (message) => {
    if (isComplaint(message.type(), message.text())) note(message.text());
  });
  context.on('weberror', (error) => note(String(error.error())));
  context.setDefaultTimeout(15_000);
  return { context, page: await context.newPage(), complaints };
};

/** Answers of 4xx are what many a test is about; Chromium logs each. */
const isComplaint = (type: string, text: string): boolean =>
  type === 'error' &&
  !/^Failed to load resource: the server responded with a status of 4/.test(text);

/** A picture of the whole page, at the width of a desktop and of a phone, light and dark. */
export const picture = async (page: Page, name: string): Promise<void> => {
  await mkdir(SCREENSHOTS, { recursive: true });
  const before = page.viewportSize();
  const shoot = (suffix: string) =>
    page.screenshot({ path: join(SCREENSHOTS, `${name}-${suffix}.png`), fullPage: true });
  await page.setViewportSize(DESKTOP);
  await shoot('desktop');
  await page.emulateMedia({ colorScheme: 'dark' });
  await shoot('dark');
  await page.emulateMedia({ colorScheme: null });
  await page.setViewportSize(PHONE);
  await shoot('phone');
  if (before) await page.setViewportSize(before);
};
