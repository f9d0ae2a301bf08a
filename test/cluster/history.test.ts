import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Cluster, INSTANCES, openCluster } from './cluster.ts';
import { printFigures, sized } from './figures.ts';
import { checkHistory } from './history/check-history.ts';
import type { Kept, Operation, Outcome } from './history/history.ts';
import { readKept, startWorkload, type Workload } from './history/workload.ts';

const OPERATIONS = sized(20_000, 1_500);
const KILLS = sized(20, 2);
const WORKERS = 32;
const SEED = Number(process.env.CLUSTER_SEED ?? 1);
const LONGEST_MS = sized(500_000, 90_000);

let cluster: Cluster;
let workload: Workload;
let kept: Kept;
let seconds = 0;
/** How many operations were answered by the time that the last one was back. */
let killed = 0;
const restarts: number[] = [];

beforeAll(async () => {
  cluster = await openCluster();
  const began = performance.now();
  workload = startWorkload(cluster, {
    operations: OPERATIONS,
    workers: WORKERS,
    seed: SEED,
    longest: LONGEST_MS,
  });
  // A kill each time another part of the operations is done, by turns.
  for (let kill = 0; kill < KILLS; kill += 1) {
    const due = ((kill + 1) * OPERATIONS) / (KILLS + 1);
    while (workload.answered() < due && performance.now() - began < LONGEST_MS) await pause(5);
    const place = kill % INSTANCES;
    await cluster.rig.brokers[place]!.kill();
    const gone = performance.now();
    await cluster.rig.startBroker(place);
    restarts.push(performance.now() - gone);
    killed = workload.answered();
  }
  await pause(500); // all of them together once more
  workload.mayEnd();
  await workload.done;
  seconds = (performance.now() - began) / 1000;
  kept = await readKept(cluster);
});
afterAll(async () => {
  const history = workload?.history ?? [];
  const count = (kind: Operation['kind'], outcome: Outcome): number =>
    history.filter((one) => one.kind === kind && one.outcome === outcome).length;
  printFigures(
    `History of ${history.length} operations at ${INSTANCES} brokers in ${seconds.toFixed(0)} s (seed ${SEED}), ${restarts.length} kill -9, ` +
      `ready again after at most ${Math.max(...restarts).toFixed(0)} ms: ${kept ? checkHistory(history, kept).length : '?'} violations`,
    (['issue', 'use', 'derive', 'revoke', 'lift'] as const).map((kind) => ({
      operation: kind,
      granted: count(kind, 'granted'),
      refused: count(kind, 'refused'),
      'no answer, or 503': count(kind, 'unknown'),
    })),
  );
  printFigures('On record', [
    {
      tokens: kept?.tokens.length ?? 0,
      revocations: kept?.revocations.length ?? 0,
      'of them lifted': kept?.revocations.filter(({ lifted }) => lifted).length ?? 0,
    },
  ]);
  await cluster?.stop();
});

describe(`G1 G3 T19 ${OPERATIONS} operations while brokers are killed ${KILLS} times`, () => {
  it('honour and issue nothing after its revocation, lose no record, and add up', () => {
    expect(checkHistory(workload.history, kept).slice(0, 10)).toEqual([]);
  });

  it('are as many as there should be, of every kind, granted and refused, through the last kill', () => {
    expect(workload.answered()).toBeGreaterThanOrEqual(OPERATIONS);
    expect(restarts).toHaveLength(KILLS);
    expect(workload.answered()).toBeGreaterThan(killed);
    const outcomes = new Set(workload.history.map(({ kind, outcome }) => `${kind} ${outcome}`));
    expect([...outcomes]).toEqual(
      expect.arrayContaining([
        ...['issue granted', 'issue refused', 'use granted', 'use refused', 'derive granted'],
        ...['derive refused', 'revoke granted', 'lift granted'],
      ]),
    );
    expect(workload.history.some(({ outcome }) => outcome === 'unknown')).toBe(true);
  });

  it('get no answer but a grant, a refusal for what was revoked, or a 503', () => {
    expect(Object.fromEntries(workload.unexpected)).toEqual({});
  });
});
