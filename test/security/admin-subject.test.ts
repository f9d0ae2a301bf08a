import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createClient } from '../support/client.ts';
import { startTestDaypass, type TestDaypass } from '../support/daypass.ts';
import { basic, ORDERS, withPeopleApps } from '../support/people-apps.ts';
import { signedIn } from '../support/session.ts';
import { ACCESS_TOKEN, EXCHANGE } from './stage.ts';

/** security.md T12: nobody acts for an admin, whichever way the admin signed in. */

let daypass: TestDaypass;
beforeAll(async () => {
  daypass = await startTestDaypass({
    configure: (demo) => {
      const { resource_servers = [], ...rest } = withPeopleApps(demo);
      // A JWT would be for its API alone, and no subject.
      const opaque = resource_servers.map((one) => ({ ...one, token_format: 'opaque' as const }));
      return { ...rest, resource_servers: opaque };
    },
  });
}, 60_000);
afterAll(() => daypass?.stop());

/** The app acts for somebody who signed in to it at /authorize. */
const actFor = async (user: string) => {
  const { answer } = await signedIn(daypass, 'portal', { user });
  const client = createClient(daypass.url);
  const token = (form: Record<string, string>) =>
    client.call('/token', { form, headers: basic('portal') });
  const own = await token({ grant_type: 'client_credentials', resource: ORDERS });
  return token({
    grant_type: EXCHANGE,
    subject_token: String(answer.body.access_token),
    subject_token_type: ACCESS_TOKEN,
    actor_token: String(own.body.access_token),
    actor_token_type: ACCESS_TOKEN,
  });
};

describe('T12 who signed in at /authorize', () => {
  it('T12 is acted for by the app, but not if they are an admin', async () => {
    expect((await actFor('ana')).status).toBe(200);
    const refused = await actFor('sam');
    expect(refused.status).toBe(400);
    expect(refused.body).not.toHaveProperty('access_token');
  });
});
