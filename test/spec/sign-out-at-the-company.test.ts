import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { authorize, newBrowser, redeem } from '../support/authorization.ts';
import { formOf } from '../support/browser.ts';
import { createClient, newKey } from '../support/client.ts';
import { startTestDaypass, type TestDaypass } from '../support/daypass.ts';

/** OpenID Connect Back-Channel Logout 1.0, between a broker and an IdP as they come. */
describe('signing out at the company', () => {
  let daypass: TestDaypass;

  beforeAll(async () => {
    daypass = await startTestDaypass();
  });

  afterAll(() => daypass.stop());

  const signIn = async (user: string) => {
    const browser = newBrowser(daypass);
    const params = { resource: 'bucket:project-123' };
    const authorized = await authorize(daypass, { browser, user, params });
    const key = newKey();
    const { body } = await redeem(daypass, authorized, { key, params });
    const client = createClient(daypass.url, daypass.issuer);
    const token = String(body.access_token);
    const use = async (): Promise<number> =>
      (await client.call('/objects?resource=bucket:project-123', { method: 'GET', token, key }))
        .status;
    return { browser, use, body };
  };

  it('ends what apps here got for that session, and leaves another’s alone', async () => {
    const ana = await signIn('ana');
    const uma = await signIn('uma');
    expect([await ana.use(), await uma.use()]).toEqual([200, 200]);

    const idp = `http://localhost:${daypass.idpPort}`;
    const asked = await ana.browser.get(`${idp}/session/end?client_id=daypass`);
    await ana.browser.submit(formOf(asked), { logout: 'yes' });

    expect([await ana.use(), await uma.use()]).toEqual([401, 200]);
  });

  it('is known to the broker at once: nobody is signed in there any more, and whoever signs in again is', async () => {
    const { browser, use } = await signIn('sam');
    const params = { resource: 'bucket:project-123' };
    const silent = () => authorize(daypass, { browser, params: { ...params, prompt: 'none' } });
    expect((await silent()).answer.get('error')).not.toBe('login_required');

    const idp = `http://localhost:${daypass.idpPort}`;
    await browser.submit(formOf(await browser.get(`${idp}/session/end?client_id=daypass`)), {
      logout: 'yes',
    });
    expect((await silent()).answer.get('error')).toBe('login_required');
    expect(await use()).toBe(401);

    const again = await authorize(daypass, { browser, user: 'sam', params });
    const { status } = await redeem(daypass, again, { key: newKey(), params });
    expect(status).toBe(200);
  });
});
