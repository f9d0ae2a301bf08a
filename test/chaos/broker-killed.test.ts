import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Rig, startRig } from '../support/rig.ts';
import {
  type Load,
  neitherGrantedNorUnavailable,
  startLoad,
  untilGranted,
  withoutRecord,
} from './load.ts';

const ROUNDS = 10;

let rig: Rig;
let load: Load;
/** Milliseconds from the new process's readiness to the first answer that grants again. */
const waits: number[] = [];

beforeAll(async () => {
  rig = await startRig();
  load = await startLoad(rig);
  for (let round = 0; round < ROUNDS; round += 1) {
    await pause(300 + 37 * round);
    await rig.broker.kill();
    await rig.startBroker();
    waits.push(await untilGranted(load, performance.now()));
  }
  await load.stop();
});
afterAll(() => rig?.stop());

describe(`the broker is killed ${ROUNDS} times in the middle of issuing`, () => {
  it('starts again each time, and issues', () => {
    expect(waits).toHaveLength(ROUNDS);
    expect(Math.max(...waits)).toBeLessThan(5_000);
  });

  it('cuts connections, and answers nothing wrong before or after', () => {
    expect(load.outcomes.some(({ status }) => status === 'cut')).toBe(true);
    const answered = load.outcomes.filter(({ status }) => status !== 'cut');
    expect(neitherGrantedNorUnavailable(answered)).toEqual({});
  });

  it('has shown no client a credential, nor acknowledged a revocation, that is not on record', async () => {
    const kinds = new Set(load.outcomes.map(({ seen }) => seen?.kind));
    expect([...kinds]).toEqual(expect.arrayContaining(['token', 'upload', 'ticket', 'revocation']));
    expect(await withoutRecord(rig, load.outcomes)).toEqual([]);
  });
});
