import { describe, expect, it } from '@jest/globals';
import { beginAppSession } from '../../../../src/broker/sign-in/app-session.ts';
import type { App } from '../../../../src/config/deployment.ts';
import type { AppSession } from '../../../../src/ledger/app-sessions.ts';
import type { Authorization } from '../../../../src/ledger/records.ts';

const DAY = 24 * 3_600;
const ENDS = 1_800_000_000;

/** How many days after the sign-in has ended an app is still told that its session is over. */
const daysToldOf = async (refresh: App['refresh']): Promise<number> => {
  const begun: AppSession[] = [];
  const signIn = { tokenHash: 'a'.repeat(43), tenant: 'acme', userId: 'u_ana', expiresAt: ENDS };
  await beginAppSession(
    { begin: async (session) => void begun.push(session) },
    { id: 'hears', backchannel_logout_uri: 'https://app.example/logout', refresh } as App,
    { signIn, openid: true, authorizedAt: ENDS - DAY } as unknown as Authorization,
  );
  return ((begun[0]?.expiresAt.getTime() ?? 0) / 1000 - ENDS) / DAY;
};

describe('the session of an app that wants to hear of its end', () => {
  it('is remembered for thirty days after the sign-in has ended here', async () => {
    expect(await daysToldOf(false)).toBe(30);
  });

  it('is remembered as long as the app may refresh, where that is longer', async () => {
    expect(await daysToldOf({ max_age: 91 * DAY } as App['refresh'])).toBe(90);
  });
});
