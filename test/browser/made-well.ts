import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { expect } from '@jest/globals';
import type { Page } from 'playwright-core';
import { PHONE, picture } from './chromium.ts';

/** What a page owes everybody, asked of the page itself: by day and by night, on a phone, by keyboard. */

const AXE = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export const WCAG = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
const TAGS = [...WCAG, 'best-practice'];

interface AxeResult {
  readonly passes: readonly unknown[];
  readonly violations: readonly {
    readonly id: string;
    readonly help: string;
    readonly nodes: readonly { readonly html: string }[];
  }[];
}

/** Resolves once nothing on the page moves but what never ends (a spinner). */
const STILL = `Promise.all(document.getAnimations()
  .filter((each) => each.effect.getComputedTiming().endTime !== Infinity)
  .map((each) => each.finished.catch(() => undefined))).then(() => undefined)`;

/** What axe-core finds against WCAG 2.2 AA and its own best practice, one line for each; and how many rules it passed. */
export const accessibility = async (
  page: Page,
  { tags = TAGS, within = ['html'] }: { tags?: readonly string[]; within?: readonly string[] } = {},
) => {
  // A colour on its way to another is neither: on a busy machine a transition outlasts the page's arrival.
  await page.evaluate(STILL);
  await page.evaluate(AXE);
  const run = `axe.run(${JSON.stringify({ include: within })}, { runOnly: ${JSON.stringify(tags)} })`;
  const { violations, passes } = await page.evaluate<AxeResult>(run);
  const found = violations.map(
    ({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html).join(' | ')}`,
  );
  return { found, passed: passes.length };
};

/** Contrast that is AAA: what html.ts promises of its colours. */
const contrast = async (page: Page): Promise<string[]> => {
  const run = `axe.run(document, { runOnly: { type: 'rule', values: ['color-contrast-enhanced'] }, rules: { 'color-contrast-enhanced': { enabled: true } } })`;
  const { violations } = await page.evaluate<AxeResult>(run);
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
};

export const scrollsSideways = (page: Page): Promise<boolean> =>
  page.evaluate<boolean>(
    'document.documentElement.scrollWidth > document.documentElement.clientWidth',
  );

/** CSS pixels high enough to hit with a thumb. */
const PRESSABLE = 44;

const FOCUSED = `(() => {
  const element = document.activeElement;
  if (!element || element === document.body) return undefined;
  const { outlineStyle, outlineWidth } = getComputedStyle(element);
  return { name: element.textContent.trim(), outline: outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2 };
})()`;

interface Focused {
  readonly name: string;
  readonly outline: boolean;
}

/** By Tab from the top of the page: each stop, and whether it can be seen to have the focus. */
export const tabStops = async (page: Page): Promise<Focused[]> => {
  const stops: Focused[] = [];
  for (let most = 0; most < 12; most += 1) {
    await page.keyboard.press('Tab');
    const focused = await page.evaluate<Focused | undefined>(FOCUSED);
    if (!focused || stops.some(({ name }) => name === focused.name)) break;
    stops.push(focused);
  }
  return stops;
};

/** Pictures, and all that must hold of a page of ours. */
export const madeWell = async (page: Page, name: string): Promise<void> => {
  await picture(page, name);
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    const { found, passed } = await accessibility(page);
    expect([name, colorScheme, found]).toEqual([name, colorScheme, []]);
    expect([name, colorScheme, await contrast(page)]).toEqual([name, colorScheme, []]);
    expect(passed).toBeGreaterThan(10);
  }
  await page.emulateMedia({ colorScheme: null });
  const size = page.viewportSize();
  await page.setViewportSize(PHONE);
  expect([name, await scrollsSideways(page)]).toEqual([name, false]);
  for (const each of await page.locator('button, a.action').all()) {
    expect((await each.boundingBox())?.height).toBeGreaterThanOrEqual(PRESSABLE);
  }
  if (size) await page.setViewportSize(size);
};
