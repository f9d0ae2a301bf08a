import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createClient } from '../support/client.ts';
import { type Rig, startRig } from '../support/rig.ts';
import { startLoad, withoutRecord } from './load.ts';

let rig: Rig;

beforeAll(async () => {
  rig = await startRig({ env: { SHUTDOWN_GRACE: '5s' } });
});
/** Each ends the one it finds. */
beforeEach(async () => {
  if (!rig.broker.isAlive()) await rig.startBroker();
});
afterAll(() => rig?.stop());

const body = { app_id: 'lowcode', resource: 'bucket:project-123', actions: ['read'] };

/** Returns when statements of the broker wait for a lock. */
const waiting = async (): Promise<void> => {
  for (let tries = 0; tries < 500; tries += 1) {
    const blocked = await rig.ask(
      `SELECT FROM pg_stat_activity WHERE application_name = 'daypass' AND wait_event_type = 'Lock'`,
    );
    if (blocked.length > 0) return;
    await pause(10);
  }
};

/** Whether a new connection is taken; the ones there are may go on. */
const isTaken = (): Promise<boolean> =>
  new Promise((resolve) => {
    const { hostname, port } = new URL(rig.url);
    const socket = connect(Number(port), hostname, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });

describe('SIGTERM', () => {
  it('lets requests under way end, takes no new ones, and ends the process with 0', async () => {
    const client = createClient(rig.url);
    const token = await rig.signIn('ana', 'lowcode');
    const holder = await rig.connect();
    await holder.query('BEGIN; LOCK TABLE issued_token IN ACCESS EXCLUSIVE MODE');
    const underWay = Array.from({ length: 10 }, () => client.call('/exchange', { body, token }));
    await waiting();

    const ended = rig.broker.terminate();
    for (let tries = 0; tries < 50 && (await isTaken()); tries += 1) await pause(10);
    await holder.end();

    const answers = await Promise.all(underWay);
    expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(200));
    expect(await isTaken()).toBe(false);
    expect(await ended).toBe(0);
  });

  it('under load cuts no request that found it listening, and loses no record', async () => {
    const load = await startLoad(rig);
    await pause(500);
    const told = performance.now();
    const code = await rig.broker.terminate();
    await load.stop();
    // A request that came too late finds nobody: it is refused within milliseconds, and may go elsewhere.
    const cut = load.outcomes.filter(({ status, at }) => status === 'cut' && at < told);
    expect(cut).toHaveLength(0);
    expect(code).toBe(0);
    expect(load.outcomes.filter(({ status }) => Number(status) >= 400)).toHaveLength(0);
    expect(await withoutRecord(rig, load.outcomes)).toEqual([]);
  });
});
