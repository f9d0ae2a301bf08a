import { expect, it } from '@jest/globals';
import {
  createTellApps,
  type TellAppsDependencies,
} from '../../../../src/broker/sign-in/tell-apps.ts';
import type { EndedAppSession, Share } from '../../../../src/ledger/app-sessions.ts';

const ended = (appId: string, n: number): EndedAppSession => ({
  ...{ sid: `${appId}-${n}`, appId, tenantId: 'acme', userId: 'u_1', attempts: 1 },
});

it('an app that never answers holds up nobody else’s', async () => {
  const queue = [...Array(100).keys()]
    .map((n) => ended('mute', n))
    .concat([...Array(50).keys()].map((n) => ended('well', n)));
  const take = async (_now: Date, _until: Date, { limit, perApp, except }: Share) => {
    const counts = new Map<string, number>();
    const due = queue.filter(({ appId }) => {
      const count = (counts.get(appId) ?? 0) + 1;
      counts.set(appId, count);
      return count <= perApp && !except.includes(appId);
    });
    const taken = due.slice(0, limit);
    for (const one of taken) queue.splice(queue.indexOf(one), 1);
    return taken;
  };
  const told: string[] = [];
  let allTold: () => void = () => undefined;
  const healthy = new Promise<void>((resolve) => {
    allTold = resolve;
  });
  let giveUp: (error: Error) => void = () => undefined;
  const silence = new Promise<never>((_, reject) => {
    giveUp = reject;
  });
  const round = createTellApps({
    appSessions: {
      take,
      settle: async ({ appId }: EndedAppSession) => {
        if (appId !== 'well') return;
        told.push(appId);
        if (told.length === 50) allTold();
      },
    },
    configuration: {
      get: () => ({
        index: { app: (id: string) => ({ id, enabled: true, backchannel_logout_uri: id }) },
      }),
    },
    keys: { signer: () => ({ sign: async () => 'token' }) },
    issuer: 'https://daypass.example',
    fetch: async (url: string) => (url === 'mute' ? silence : { status: 200 }),
    now: () => new Date(0),
    onTold: () => undefined,
    onError: (error: unknown) => {
      throw error;
    },
  } as unknown as TellAppsDependencies)();
  await healthy;
  // Only its share of the silent app's was ever begun.
  expect(queue.filter(({ appId }) => appId === 'mute')).toHaveLength(96);
  giveUp(new Error('timed out'));
  await round;
  expect(queue).toEqual([]);
});
