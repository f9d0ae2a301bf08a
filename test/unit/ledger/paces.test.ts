import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import pg from 'pg';
import { shieldPaces } from '../../../src/broker/shielded-paces.ts';
import type { PaceStep } from '../../../src/ledger/ledger.ts';
import { type Database, openDatabase } from '../../../src/ledger/postgres/client.ts';
import { createPaces } from '../../../src/ledger/postgres/paces.ts';
import { purgeExpired } from '../../../src/ledger/postgres/purge.ts';
import { freshDatabase, type TestDatabase } from '../../support/postgres.ts';

let server: TestDatabase;
let one: Database;
let other: Database;
let owner: pg.Client;
beforeAll(async () => {
  server = await freshDatabase();
  one = openDatabase({ url: server.url, onConnectionError: () => undefined });
  other = openDatabase({ url: server.url, onConnectionError: () => undefined });
  owner = new pg.Client({ connectionString: server.url });
  await owner.connect();
  // The first question of a connection takes its time.
  for (const database of [one, other]) await database.$queryRaw`SELECT 1`;
}, 60_000);
afterAll(async () => {
  await owner.end();
  await one.$disconnect();
  await other.$disconnect();
  await server.drop();
});

const NOW = 1_790_035_200_000;
const at = (milliseconds: number): Date => new Date(NOW + milliseconds);

let series = 0;
const fresh = (perSecond: number, burst: number): PaceStep => {
  series += 1;
  const interval = Math.round(1e6 / perSecond);
  return { id: `t${series}`, interval, tolerance: burst * interval };
};

const rowsOf = async ({ id }: PaceStep): Promise<number> =>
  (await owner.query('SELECT FROM request_pace WHERE id = $1', [id])).rowCount ?? 0;

/** The other way to say it (ITU-T I.371, Annex A): a bucket that leaks evenly, and that one of each has to fit into. */
const openBucket = ({ interval, tolerance }: PaceStep) => {
  let level = 0;
  let last = 0;
  return (milliseconds: number): boolean => {
    const left = Math.max(0, level - (milliseconds - last) * 1000);
    if (left > tolerance) return false;
    [level, last] = [left + interval, milliseconds];
    return true;
  };
};

describe('a pace', () => {
  it('passes what a leaky bucket has room for, whichever instance is asked, with a shield before it or none', async () => {
    const arrivals = fc.array(fc.record({ wait: fc.nat({ max: 400 }), door: fc.nat({ max: 2 }) }), {
      minLength: 1,
      maxLength: 40,
    });
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 50 }),
        fc.nat({ max: 8 }),
        arrivals,
        async (perSecond, burst, given) => {
          const step = fresh(perSecond, burst);
          const hasRoom = openBucket(step);
          const doors = [
            shieldPaces(createPaces(one)),
            shieldPaces(createPaces(other)),
            createPaces(one),
          ];
          let time = 0;
          for (const { wait, door } of given) {
            time += wait;
            const { passed } = (await doors[door]?.pass(step, at(time))) ?? {};
            expect(passed).toBe(hasRoom(time));
          }
        },
      ),
      { numRuns: 40 },
    );
  }, 60_000);

  it('lets one and its burst pass of fifty at once on two instances, and no more', async () => {
    const step = fresh(10, 20);
    const doors = [shieldPaces(createPaces(one)), shieldPaces(createPaces(other))];
    const passages = await Promise.all(
      Array.from({ length: 50 }, (_, n) => doors[n % 2]?.pass(step, at(0))),
    );
    expect(passages.filter((passage) => passage?.passed)).toHaveLength(21);
    // Whoever was refused was told when the next one is due, and left that as it was.
    const next = NOW * 1000 + 21 * step.interval;
    for (const passage of passages) if (!passage?.passed) expect(passage?.due).toBe(next);
    expect(await createPaces(one).pass(step, at(99))).toEqual({ passed: false, due: next });
    expect(await createPaces(one).pass(step, at(100))).toMatchObject({ passed: true });
  });

  it('is each key’s own', async () => {
    const paces = createPaces(one);
    const [ana, bea] = [fresh(1, 0), fresh(1, 0)];
    expect((await paces.pass(ana, at(0))).passed).toBe(true);
    expect((await paces.pass(ana, at(0))).passed).toBe(false);
    expect((await paces.pass(bea, at(0))).passed).toBe(true);
  });

  it('gives nothing back where a clock is behind', async () => {
    const paces = createPaces(one);
    const step = fresh(1, 1);
    expect((await paces.pass(step, at(0))).passed).toBe(true);
    expect((await paces.pass(step, at(-500))).passed).toBe(false);
    expect(await paces.pass(step, at(0))).toMatchObject({ passed: true, due: (NOW + 2000) * 1000 });
  });

  it('leaves no row once it is past, and keeps the one that still counts', async () => {
    const paces = createPaces(one);
    const [past, present] = [fresh(1, 0), fresh(1, 0)];
    await paces.pass(past, at(0));
    await paces.pass(present, at(100_000));
    expect([await rowsOf(past), await rowsOf(present)]).toEqual([1, 1]);
    await purgeExpired(one, at(100_000));
    expect([await rowsOf(past), await rowsOf(present)]).toEqual([0, 1]);
  });
});
