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
/** Milliseconds from the database's return to the first answer that grants again. */
const waits: number[] = [];

beforeAll(async () => {
  rig = await startRig();
  load = await startLoad(rig);
  for (let round = 0; round < ROUNDS; round += 1) {
    await pause(300 + 50 * round); // never at the same point of what goes on of its own accord
    rig.killPostgres();
    await pause(300);
    await rig.startPostgres();
    waits.push(await untilGranted(load, performance.now()));
  }
  await load.stop();
});
afterAll(() => rig?.stop());

describe(`the database's postmaster is killed ${ROUNDS} times under load`, () => {
  it('never ends the broker', () => {
    expect(rig.broker.isAlive()).toBe(true);
    expect(rig.broker.output()).not.toMatch(/unhandled|uncaught/i);
  });

  it('leaves each request granted, or answered 503 with a time to come back', () => {
    expect(neitherGrantedNorUnavailable(load.outcomes)).toEqual({});
    expect(load.outcomes.some(({ status }) => status === 503)).toBe(true);
  });

  it('makes nobody wait for a database that is not there', () => {
    const refused = load.outcomes.filter(({ status }) => status === 503);
    expect(Math.max(...refused.map(({ milliseconds }) => milliseconds))).toBeLessThan(3_000);
  });

  it('is over soon after the database is back', () => {
    expect(waits).toHaveLength(ROUNDS);
    expect(Math.max(...waits)).toBeLessThan(3_000);
  });

  it('loses nothing that a client was told', async () => {
    const kinds = new Set(load.outcomes.map(({ seen }) => seen?.kind));
    expect([...kinds]).toEqual(expect.arrayContaining(['token', 'upload', 'ticket', 'revocation']));
    expect(await withoutRecord(rig, load.outcomes)).toEqual([]);
  });
});
