import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Answer } from '../support/client.ts';
import { nameOf, ROUTES, type Route } from './callers.ts';
import { refusesEverywhere } from './refusal.ts';
import { type Held, openStage, type Stage } from './stage.ts';

/** Re-authentication at the admin door (RFC 9470): whatever changes something wants a recent sign-in. */

let stage: Stage;
let old: Held;
beforeAll(async () => {
  stage = await openStage({ instances: 2 });
  const now = stage.now();
  old = await stage.tokenOf({
    claims: {
      sub: 'admin-of-this-morning',
      aud: 'daypass',
      groups: ['security', 'platform'],
      exp: now + 3_600,
    },
    body: {
      app_id: 'daypass-cli',
      resource: `${stage.issuer}/admin`,
      actions: ['admin'],
      ttl: 1_800,
    },
  });
  await stage.advance(601);
}, 60_000);
afterAll(() => stage?.stop());

const adminRoutes = ROUTES.filter(({ path }) => path.startsWith('/admin'));
const changing = adminRoutes.filter(({ method }) => method !== 'GET');
const named = changing.map((route) => [nameOf(route), route] as const);

/** Nothing that would come through: nobody's id, and a body that nothing accepts. */
const knock = (route: Route, { token, key }: Held, through = stage.client): Promise<Answer> =>
  through.call(route.path.replace(/\{\w+\}/, 'tk_01ARZ3NDEKTSV4RRFFQ69G5FAV'), {
    method: route.method,
    ...(route.body && { body: { unheard_of: true } }),
    token,
    key,
  });

describe('an admin whose sign-in may be 15 minutes ago', () => {
  it.each(named)('is asked to sign in again for %s, on every instance', async (_, route) => {
    await refusesEverywhere(
      stage,
      {
        status: 401,
        error: 'insufficient_user_authentication',
        rule: 'max_age',
        audited: true,
        secrets: [old.token],
      },
      (through) => knock(route, old, through),
    );
  });

  it('is told how old a sign-in may be', async () => {
    const [route] = changing;
    if (!route) throw new Error('nothing changes anything');
    const { headers } = await knock(route, old);
    expect(headers.get('www-authenticate')).toMatch(
      /^DPoP .*error="insufficient_user_authentication".*max_age="900"/,
    );
  });

  it('goes on reading', async () => {
    for (const route of adminRoutes.filter(({ method }) => method === 'GET')) {
      const { status } = await knock(route, old);
      expect([200, 404]).toContain(status);
    }
  });

  it('changes things again once signed in anew', async () => {
    const fresh = await stage.adminOf(['security']);
    const lifting = changing.find((route) => nameOf(route) === 'DELETE /admin/v1/revocations/{id}');
    if (!lifting) throw new Error('no such route');
    expect((await knock(lifting, fresh)).status).toBe(404);
  });
});
