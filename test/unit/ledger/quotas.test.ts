import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import pg from 'pg';
import type { QuotaClaim } from '../../../src/ledger/ledger.ts';
import { type Database, openDatabase } from '../../../src/ledger/postgres/client.ts';
import { createQuotas, releaseAbandoned } from '../../../src/ledger/postgres/quotas.ts';
import { openStatements, type Statements } from '../../../src/ledger/postgres/statements.ts';
import { freshDatabase, type TestDatabase } from '../../support/postgres.ts';

let server: TestDatabase;
let database: Database;
let statements: Statements;
let owner: pg.Client;
beforeAll(async () => {
  server = await freshDatabase();
  const options = { url: server.url, onConnectionError: () => undefined };
  database = openDatabase(options);
  statements = openStatements(options);
  owner = new pg.Client({ connectionString: server.url });
  await owner.connect();
}, 60_000);
afterAll(async () => {
  await owner.end();
  await statements.close();
  await database.$disconnect();
  await server.drop();
});

const HOUR = 3_600;
/** The beginning of an hour and of a day. */
const NOW = new Date(1_790_035_200_000);
const later = (seconds: number): Date => new Date(NOW.getTime() + seconds * 1000);

const usedOf = async (id: string): Promise<number> => {
  const { rows } = await owner.query<{ used: string }>(
    'SELECT used FROM quota_counter WHERE id = $1',
    [id],
  );
  return Number(rows[0]?.used ?? 0);
};

const holdsOf = async (id: string): Promise<number> => {
  const { rows } = await owner.query<{ n: string }>(
    'SELECT count(*) AS n FROM quota_hold WHERE counter_id = $1',
    [id],
  );
  return Number(rows[0]?.n);
};

let series = 0;
const fresh = (): string => {
  series += 1;
  return `t${series}`;
};

const hours = (id: string, limit: number, amount = 1): QuotaClaim => ({
  id,
  limit,
  amount,
  windowSeconds: HOUR,
});

const hold = (id: string, limit: number, objectId: string, until = later(300)): QuotaClaim => ({
  id,
  limit,
  amount: 1,
  windowSeconds: 0,
  hold: { objectId, until },
});

describe('limits', () => {
  it('are taken from all together, or not at all', async () => {
    const quotas = createQuotas(database, statements);
    const [wide, narrow] = [fresh(), fresh()];
    expect(await quotas.take([hours(wide, 10), hours(narrow, 1)], NOW)).toEqual([]);
    const short = await quotas.take([hours(wide, 10), hours(narrow, 1)], NOW);
    expect(short.map(({ claim }) => claim.id)).toEqual([narrow]);
    expect([await usedOf(wide), await usedOf(narrow)]).toEqual([1, 1]);
  });

  it('name each that is reached, with its own time to wait', async () => {
    const quotas = createQuotas(database, statements);
    const [hour, day] = [fresh(), fresh()];
    const claims = [hours(hour, 1), { ...hours(day, 1), windowSeconds: 24 * HOUR }];
    await quotas.take(claims, NOW);
    const short = await quotas.take(claims, NOW);
    expect(short.map(({ claim, retryAfter }) => [claim.id, retryAfter])).toEqual([
      [hour, 2 * HOUR],
      [day, 48 * HOUR],
    ]);
  });

  it('on what is under way count holds, and a hold that was given back no longer', async () => {
    const quotas = createQuotas(database, statements);
    const live = fresh();
    await quotas.take([hold(live, 2, `${live}-a`)], NOW);
    await quotas.take([hold(live, 2, `${live}-b`, later(20))], NOW);
    const [short] = await quotas.take([hold(live, 2, `${live}-c`)], NOW);
    expect(short?.retryAfter).toBe(20);
    await quotas.forgo(`${live}-a`);
    expect(await quotas.take([hold(live, 2, `${live}-c`)], NOW)).toEqual([]);
  });

  it('forget a hold that nothing came of once its time is up', async () => {
    const quotas = createQuotas(database, statements);
    const live = fresh();
    await quotas.take([hold(live, 1, `${live}-a`)], NOW);
    expect(await quotas.take([hold(live, 1, `${live}-b`)], later(299))).toHaveLength(1);
    expect(await quotas.take([hold(live, 1, `${live}-b`)], later(301))).toEqual([]);
  });

  it('are asked for together by all who ask at once, and give to the first of them', async () => {
    let asked = 0;
    const run: Statements['run'] = (statement, values) => {
      asked += 1;
      return statements.run(statement, values);
    };
    const quotas = createQuotas(database, { ...statements, run });
    const [shared, other] = [fresh(), fresh()];
    const short = await Promise.all(
      Array.from({ length: 40 }, (_, place) =>
        quotas.take([hours(shared, 25), hold(other, 40, `${other}-${place}`)], NOW),
      ),
    );
    expect(short.map(({ length }) => length)).toEqual([
      ...Array.from({ length: 25 }, () => 0),
      ...Array.from({ length: 15 }, () => 1),
    ]);
    expect(asked).toBe(1);
    expect([await usedOf(shared), await holdsOf(other)]).toEqual([25, 25]);
  });

  it('are given back what an upload took that never came on record, once it would have been', async () => {
    const quotas = createQuotas(database, statements);
    const name = fresh();
    const claims = [hours(`${name}:hour`, 5), hours(`${name}:bytes`, 5_000, 700)].map((claim) => ({
      ...claim,
      hold: { objectId: name, until: later(300) },
    }));
    expect(await quotas.take([...claims, hold(`${name}:live`, 1, name)], NOW)).toEqual([]);
    const all = [...claims, hold(`${name}:live`, 1, name)].map(({ id }) => id);
    await releaseAbandoned(database, later(299), 1_000);
    expect(await Promise.all(all.map(holdsOf))).toEqual([1, 1, 1]);
    expect(await Promise.all(all.map(usedOf))).toEqual([1, 700, 0]);
    await releaseAbandoned(database, later(301), 1_000);
    expect(await Promise.all(all.map(holdsOf))).toEqual([0, 0, 0]);
    expect(await Promise.all(all.map(usedOf))).toEqual([0, 0, 0]);
    await quotas.forgo(name);
    expect(await Promise.all(all.map(usedOf))).toEqual([0, 0, 0]);
  });

  it('balance, whoever takes and gives back at once: never beyond, nothing lost, nobody deadlocked', async () => {
    const quotas = createQuotas(database, statements);
    const claim = fc.record({
      counter: fc.nat({ max: 4 }),
      amount: fc.integer({ min: 1, max: 5 }),
    });
    const one = fc.record({
      // In any order: the database decides in which they are locked.
      claims: fc.uniqueArray(claim, {
        minLength: 1,
        maxLength: 5,
        selector: ({ counter }) => counter,
      }),
      isHeld: fc.boolean(),
      isGivenBack: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(one, { minLength: 2, maxLength: 24 }),
        fc.array(fc.integer({ min: 3, max: 30 }), { minLength: 5, maxLength: 5 }),
        async (attempts, limits) => {
          const name = fresh();
          const limitOf = (counter: number): number => limits[counter] ?? 0;
          const kept = await Promise.all(
            attempts.map(async ({ claims, isHeld, isGivenBack }, at) => {
              const objectId = `${name}-${at}`;
              const windows = claims.map(({ counter, amount }) =>
                hours(`${name}:${counter}`, limitOf(counter), amount),
              );
              const live = hold(`${name}:live`, 6, objectId);
              const held = [...windows, live].map((claim) => ({ ...claim, hold: live.hold }));
              const asked = (isHeld ? held : windows) as QuotaClaim[];
              const short = await quotas.take(asked, NOW);
              if (short.length > 0) return [];
              if (!isGivenBack) return asked;
              await (isHeld ? quotas.forgo(objectId) : quotas.refund(asked, NOW));
              return [];
            }),
          );
          const all = kept.flat();
          for (const [counter, limit] of limits.entries()) {
            const id = `${name}:${counter}`;
            const sum = all.reduce((sum, each) => sum + (each.id === id ? each.amount : 0), 0);
            expect(await usedOf(id)).toBe(sum);
            expect(sum).toBeLessThanOrEqual(limit);
          }
          const live = all.filter(({ id }) => id === `${name}:live`).length;
          expect(await holdsOf(`${name}:live`)).toBe(live);
          expect(live).toBeLessThanOrEqual(6);
        },
      ),
      { numRuns: 40 },
    );
  }, 60_000);
});
