import type { Page } from 'playwright-core';

/** What people do at the demo IdP. */
export const logIn = async (page: Page, user = 'ana', password = 'demo'): Promise<void> => {
  await page.getByLabel('User').fill(user);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
};
