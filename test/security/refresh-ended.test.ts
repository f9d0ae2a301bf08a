import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { decodeJwt } from 'jose';
import { createConfigure } from '../../src/broker/configure/configure.ts';
import type { DeploymentDocument } from '../../src/config/deployment.ts';
import type { LockTarget } from '../../src/ledger/records.ts';
import { authorize, redeem } from '../support/authorization.ts';
import { createClient } from '../support/client.ts';
import { startTestDaypass, type TestDaypass } from '../support/daypass.ts';
import { createProofKey } from '../support/dpop.ts';
import { basic, PAGE, withPeopleApps } from '../support/people-apps.ts';
import { refresh, type Session, signedIn } from '../support/session.ts';

/** What ends a refresh token besides its use. */

let daypass: TestDaypass;
let document: DeploymentDocument;
beforeAll(async () => {
  daypass = await startTestDaypass({
    configure: (demo) => {
      document = withPeopleApps(demo);
      return document;
    },
  });
}, 60_000);
afterAll(() => daypass?.stop());

const revoke = async (target: LockTarget, block = false): Promise<string> => {
  const { revocations, clock } = daypass.ledger;
  const at = clock.now();
  const { revocationId } = await revocations.revoke({
    revocationId: `rv_${crypto.randomUUID()}`,
    target,
    tenantId: 'acme',
    block,
    reason: 'a test',
    containObjects: false,
    holder: { keys: [], authorities: [] },
    by: 'test',
    audit: { at, action: 'test', outcome: 'granted' },
  });
  return revocationId;
};

const lift = (revocationId: string): Promise<boolean> =>
  daypass.ledger.revocations.lift(
    revocationId,
    'test',
    { keys: [], authorities: [] },
    { at: daypass.ledger.clock.now(), action: 'test', outcome: 'granted' },
  );

const apply = (change: (app: Record<string, unknown>) => void, id: string): Promise<unknown> => {
  const draft = structuredClone(document);
  const app = draft.apps?.find((one) => one.id === id);
  if (app) change(app as unknown as Record<string, unknown>);
  const { configurations, clock } = daypass.ledger;
  const configure = createConfigure({ configurations, production: false, now: clock.now });
  return configure.apply(draft, { by: 'test', source: 'test', known: {} } as never);
};

const userOf = ({ answer }: Session): LockTarget =>
  `user:${decodeJwt(String(answer.body.id_token)).sub}`;

const expectRefused = async (session: Session): Promise<void> => {
  const answer = await refresh(daypass, session, session.token);
  expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
  expect(answer.body).not.toHaveProperty('access_token');
};

describe('R04: whatever was revoked after the sign-in ends its refresh tokens', () => {
  it.each(['user', 'app', 'tenant', 'issuer'])(
    '%s, among older ones of all four',
    async (newer) => {
      const user = userOf(await signedIn(daypass, 'desk'));
      const targets: Record<string, LockTarget> = {
        user,
        app: 'app:desk',
        tenant: 'tenant:acme',
        issuer: 'issuer:corp',
      };
      for (const target of Object.values(targets)) await revoke(target);
      // ID tokens count seconds, and one of the very second of a revocation is refused.
      await wait(1_100);
      const kept = await signedIn(daypass, 'desk');
      const first = await refresh(daypass, kept, kept.token);
      expect(first.status).toBe(200);
      await revoke(targets[newer] as LockTarget);
      await expectRefused({ ...kept, token: String(first.body.refresh_token) });
      await wait(1_100);
    },
  );
});

describe('R05: who or what is blocked gets nothing', () => {
  it('a person, and lifting the block revives nothing', async () => {
    const session = await signedIn(daypass, 'portal');
    const id = await revoke(userOf(session), true);
    await expectRefused(session);
    expect(await lift(id)).toBe(true);
    await expectRefused(session);
    await wait(1_100);
    expect((await signedIn(daypass, 'portal')).answer.status).toBe(200);
  });
});

describe('F10: an app that has refresh tokens no more', () => {
  it('gets nothing for those it has, and they are ended by its own revocation all the same', async () => {
    const session = await signedIn(daypass, 'portal');
    await apply((app) => Object.assign(app, { refresh: false }), 'portal');
    await expectRefused(session);
    await createClient(daypass.url).call('/revoke', {
      form: { token: session.token },
      headers: basic('portal'),
    });
    await apply(() => undefined, 'portal');
    await expectRefused(session);
  });
});

describe('T10: an app that is out of service', () => {
  it('is told nothing at /userinfo by the tokens it has', async () => {
    const key = createProofKey();
    const authorized = await authorize(daypass, { client: 'page', redirect: PAGE });
    const token = String((await redeem(daypass, authorized, { key })).body.access_token);
    const ask = async () =>
      (await createClient(daypass.url).call('/userinfo', { token, key })).status;
    expect(await ask()).toBe(200);
    await apply((app) => Object.assign(app, { enabled: false }), 'page');
    // It was applied past the broker, which hears of it a moment later.
    for (let tries = 0; tries < 40 && (await ask()) === 200; tries += 1) await wait(50);
    expect(await ask()).toBe(401);
    await apply(() => undefined, 'page');
  });
});

describe('R09: a refresh that races a revocation', () => {
  it('gives nothing that outlives the acknowledgement', async () => {
    for (let round = 0; round < 10; round += 1) {
      const session = await signedIn(daypass, 'portal');
      const racing = refresh(daypass, session, session.token);
      await revoke('app:portal');
      const late = await racing;
      const token = String(late.body.access_token);
      const { body } = await createClient(daypass.url).call('/introspect', {
        form: { token },
        headers: basic('portal'),
      });
      expect(body).toEqual({ active: false });
      await wait(1_100);
    }
  }, 60_000);
});

describe('giving back a refresh token (RFC 7009 §2.1)', () => {
  it('ends all that came of the authorization; asked about, it says so (RFC 7662)', async () => {
    const session = await signedIn(daypass, 'portal');
    const client = createClient(daypass.url);
    const ask = async (token: string) => {
      const answer = await client.call('/introspect', {
        form: { token },
        headers: basic('portal'),
      });
      return answer.body.active;
    };
    const access = String(session.answer.body.access_token);
    expect([await ask(session.token), await ask(access)]).toEqual([true, true]);
    const answer = await client.call('/revoke', {
      form: { token: session.token },
      headers: basic('portal'),
    });
    expect(answer.status).toBe(200);
    expect([await ask(session.token), await ask(access)]).toEqual([false, false]);
    await expectRefused(session);
  });
});

describe('R05: what is disabled gets nothing', () => {
  it('an app that is disabled', async () => {
    const session = await signedIn(daypass, 'desk');
    await apply((app) => Object.assign(app, { enabled: false }), 'desk');
    const answer = await refresh(daypass, session, session.token);
    // As no client at all, once the instance has heard of it; before, by the statement that issues.
    expect(['invalid_client', 'invalid_grant']).toContain(answer.body.error);
    expect(answer.body).not.toHaveProperty('access_token');
    await apply(() => undefined, 'desk');
    daypass.advance(5); // what the instance knows is not believed any more
    expect((await refresh(daypass, session, session.token)).status).toBe(200);
  });
});
