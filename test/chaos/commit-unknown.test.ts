import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type CuttingProxy, startCuttingProxy } from '../support/cutting-proxy.ts';
import { type Rig, startRig } from '../support/rig.ts';
import {
  type Load,
  neitherGrantedNorUnavailable,
  startLoad,
  untilGranted,
  withoutRecord,
} from './load.ts';

let proxy: CuttingProxy | undefined;
let rig: Rig;

beforeAll(async () => {
  rig = await startRig({
    between: async (server) => {
      proxy = await startCuttingProxy(server);
      return proxy.port;
    },
  });
});
afterAll(async () => {
  await rig?.stop();
  await proxy?.stop();
});

/** Runs `disturb` under load, and returns what the clients saw when it is over. */
const underLoad = async (disturb: () => Promise<void>): Promise<Load> => {
  const load = await startLoad(rig);
  await pause(300);
  await disturb();
  await untilGranted(load, performance.now());
  await load.stop();
  return load;
};

const isSound = async ({ outcomes }: Load): Promise<void> => {
  expect(neitherGrantedNorUnavailable(outcomes)).toEqual({});
  expect(outcomes.some(({ status }) => status === 503)).toBe(true);
  expect(await withoutRecord(rig, outcomes)).toEqual([]);
  expect(rig.broker.isAlive()).toBe(true);
};

describe('it is unknown whether a record was committed', () => {
  it('because the database ended the connections: what has no record was shown to nobody', async () => {
    const load = await underLoad(async () => {
      for (let cut = 0; cut < 50; cut += 1) {
        await rig.ask(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE application_name = 'daypass' AND pid <> pg_backend_pid()`);
        await pause(20 + cut);
      }
    });
    await isSound(load);
  });

  it('because the answer was lost on its way: what was recorded unheard was shown to nobody', async () => {
    const load = await underLoad(async () => {
      for (let cut = 0; cut < 20; cut += 1) {
        proxy?.swallowAnswers(true);
        await pause(50);
        proxy?.swallowAnswers(false);
        await pause(100);
      }
    });
    await isSound(load);
    expect(proxy?.swallowed()).toBeGreaterThan(20);
  });

  it('because nothing comes through any more: nobody waits for it', async () => {
    const load = await underLoad(async () => {
      proxy?.hold(true);
      await pause(4_000);
      proxy?.hold(false);
    });
    await isSound(load);
    const refused = load.outcomes.filter(({ status }) => status === 503);
    const slowest = Math.max(...refused.map(({ milliseconds }) => milliseconds));
    expect(slowest).toBeLessThan(3_500);
  });
});
