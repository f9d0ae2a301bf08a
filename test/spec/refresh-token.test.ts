import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DeploymentDocument } from '../../src/config/deployment.ts';
import { type Answer, createClient } from '../support/client.ts';
import { startTestDaypass, type TestDaypass } from '../support/daypass.ts';
import { createProofKey } from '../support/dpop.ts';
import { basic, withPeopleApps } from '../support/people-apps.ts';
import { refresh, signedIn } from '../support/session.ts';

const withApps = (demo: DeploymentDocument): DeploymentDocument => {
  const { apps = [], ...rest } = withPeopleApps(demo);
  const portal = apps.find(({ id }) => id === 'portal');
  if (!portal) throw new Error('no portal');
  const others = [
    { ...portal, id: 'forgetful', refresh: false as const },
    { ...portal, id: 'other' },
  ];
  return { ...rest, apps: [...apps, ...others] };
};

let daypass: TestDaypass;
beforeAll(async () => {
  daypass = await startTestDaypass({ configure: withApps });
}, 60_000);
afterAll(() => daypass?.stop());

const refreshOf = (answer: Answer): string => String(answer.body.refresh_token);

describe('refresh tokens (RFC 6749 §6, RFC 9700 §4.14)', () => {
  it('are given to native and confidential apps, opaque, and never to browser apps', async () => {
    const native = await signedIn(daypass, 'desk');
    expect(native.answer.status).toBe(200);
    expect(native.token).toMatch(/^dp_rt_[0-9A-Za-z]{38}$/);
    expect((await signedIn(daypass, 'portal')).token).toMatch(/^dp_rt_/);
    expect((await signedIn(daypass, 'page')).answer.body).not.toHaveProperty('refresh_token');
    expect((await signedIn(daypass, 'forgetful')).answer.body).not.toHaveProperty('refresh_token');
  });

  it('are rotated with each use, and give a token of the same resource and scope', async () => {
    const session = await signedIn(daypass, 'desk');
    const answer = await refresh(daypass, session, session.token);
    expect(answer.body).toMatchObject({ token_type: 'DPoP', scope: session.answer.body.scope });
    expect(refreshOf(answer)).toMatch(/^dp_rt_/);
    expect(refreshOf(answer)).not.toBe(session.token);
    const next = await refresh(daypass, session, refreshOf(answer));
    expect(next.status).toBe(200);
  });

  it('give less where less is asked for, and never more than was agreed to', async () => {
    const session = await signedIn(daypass, 'desk', { params: { scope: 'openid orders:read' } });
    const more = await refresh(daypass, session, session.token, { scope: 'orders:write' });
    expect(more).toMatchObject({ status: 400, body: { error: 'invalid_scope' } });
    const other = await refresh(daypass, session, session.token, {
      resource: 'bucket:project-123',
    });
    expect(other).toMatchObject({ status: 400, body: { error: 'invalid_target' } });
    const same = await refresh(daypass, session, session.token, { scope: 'orders:read' });
    expect(same.status).toBe(200);
  });

  it('§6 are good for the app they were given to, and no other that authenticates', async () => {
    const session = await signedIn(daypass, 'portal');
    const stolen = { client: 'other', key: undefined };
    expect(await refresh(daypass, stolen, session.token)).toMatchObject({
      status: 400,
      body: { error: 'invalid_grant' },
    });
  });

  it('R01: fifty uses at once on two instances have one winner', async () => {
    const session = await signedIn(daypass, 'desk');
    const beside = await startTestDaypass({ beside: daypass, configure: withApps });
    try {
      const doors = [daypass.url, beside.url].map((url) => createClient(url, daypass.issuer));
      const { key } = session;
      if (!key) throw new Error('a native app has a key');
      const form = {
        grant_type: 'refresh_token',
        refresh_token: session.token,
        client_id: 'desk',
      };
      // Each has its nonce, so that all of them arrive at once.
      for (const door of doors) {
        await door.call('/token', { form: { ...form, refresh_token: 'none' }, key });
      }
      const answers = await Promise.all(
        Array.from({ length: 25 }, () =>
          doors.map((door) => door.call('/token', { form, key })),
        ).flat(),
      );
      const winners = answers.filter(({ status }) => status === 200);
      // Whoever comes when the first has its answer is taken for a retry, and gets the same successor.
      expect(new Set(winners.map((winner) => refreshOf(winner))).size).toBe(1);
      const others = answers.filter(({ status }) => status !== 200);
      expect(others.map(({ body }) => body.error)).toEqual(
        others.map(() => 'temporarily_unavailable'),
      );
      const [winner] = winners;
      expect((await refresh(daypass, session, refreshOf(winner as Answer))).status).toBe(200);
    } finally {
      await beside.stop();
    }
  }, 30_000);

  it('are given again to whoever lost the answer, for ten seconds', async () => {
    for (const client of ['desk', 'portal']) {
      const session = await signedIn(daypass, client);
      const lost = await refresh(daypass, session, session.token);
      daypass.advance(5);
      const again = await refresh(daypass, session, session.token);
      expect(again.status).toBe(200);
      expect(refreshOf(again)).toBe(refreshOf(lost));
      expect(again.body.access_token).not.toBe(lost.body.access_token);
    }
  });

  it('R01: used again later, end the family and everything that came of it', async () => {
    const session = await signedIn(daypass, 'portal');
    const first = await refresh(daypass, session, session.token);
    const introspect = async () => {
      const form = { token: String(first.body.access_token) };
      const answer = await createClient(daypass.url).call('/introspect', {
        form,
        headers: basic('portal'),
      });
      return answer.body.active;
    };
    expect(await introspect()).toBe(true);
    daypass.advance(11);
    const reuse = await refresh(daypass, session, session.token);
    expect(reuse).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
    const successor = await refresh(daypass, session, refreshOf(first));
    expect(successor).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
    expect(await introspect()).toBe(false);
  });

  it('are not given again once the successor was used: that is no lost answer', async () => {
    const session = await signedIn(daypass, 'portal');
    const first = await refresh(daypass, session, session.token);
    daypass.advance(3);
    expect((await refresh(daypass, session, refreshOf(first))).status).toBe(200);
    const again = await refresh(daypass, session, session.token);
    expect(again).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
  });

  it('D08: without a proof, or with another key, are refused and not used up', async () => {
    const session = await signedIn(daypass, 'desk');
    const without = await createClient(daypass.url).call('/token', {
      form: {
        grant_type: 'refresh_token',
        refresh_token: session.token,
        client_id: 'desk',
      },
    });
    expect(without).toMatchObject({ status: 400, body: { error: 'invalid_dpop_proof' } });
    const stranger = await refresh(daypass, { ...session, key: createProofKey() }, session.token);
    expect(stranger).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
    expect((await refresh(daypass, session, session.token)).status).toBe(200);
  });

  it('belong to their client', async () => {
    const session = await signedIn(daypass, 'portal');
    const answer = await refresh(daypass, { client: 'forgetful', key: undefined }, session.token);
    expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
    expect((await refresh(daypass, session, session.token)).status).toBe(200);
  });

  it('R03: presented after rotation and a restart, are refused', async () => {
    const session = await signedIn(daypass, 'portal');
    await refresh(daypass, session, session.token);
    daypass.advance(60);
    const restarted = await startTestDaypass({ beside: daypass, configure: withApps });
    try {
      const answer = await refresh(daypass, session, session.token, {}, restarted.url);
      expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
    } finally {
      await restarted.stop();
    }
  });

  it('end absolutely, however often they are rotated', async () => {
    const session = await signedIn(daypass, 'desk');
    let token = session.token;
    for (const days of [10, 10, 9]) {
      daypass.advance(days * 86_400);
      const answer = await refresh(daypass, session, token);
      expect(answer.status).toBe(200);
      token = refreshOf(answer);
    }
    daypass.advance(86_400);
    expect((await refresh(daypass, session, token)).body.error).toBe('invalid_grant');
  });
});
