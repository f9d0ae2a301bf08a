import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { shieldPaces } from '../../../src/broker/shielded-paces.ts';
import type { PaceStep, Paces } from '../../../src/ledger/ledger.ts';

const NOW = 1_790_000_000_000;
const at = (milliseconds: number): Date => new Date(NOW + milliseconds);

/** Ten a second, and three more at once. */
const step: PaceStep = { id: 'a', interval: 100_000, tolerance: 300_000 };

/** The rule itself, in memory; counts how often it is asked. */
const openPaces = () => {
  const due = new Map<string, number>();
  const asked: string[] = [];
  const pass: Paces['pass'] = async ({ id, interval, tolerance }, now) => {
    asked.push(id);
    const arrival = now.getTime() * 1000;
    const last = due.get(id) ?? arrival;
    if (last - tolerance > arrival) return { passed: false, due: last };
    const next = Math.max(last, arrival) + interval;
    due.set(id, next);
    return { passed: true, due: next };
  };
  return { asked, paces: { pass } };
};

describe('the shield before paces', () => {
  it('changes no answer, however many instances there are and however far their clocks are apart', async () => {
    const arrivals = fc.array(
      fc.record({
        id: fc.constantFrom('a', 'b'),
        door: fc.nat({ max: 1 }),
        time: fc.integer({ min: -500, max: 3_000 }),
        // Also where the limit is another meanwhile.
        burst: fc.nat({ max: 4 }),
      }),
      { minLength: 1, maxLength: 60 },
    );
    await fc.assert(
      fc.asyncProperty(arrivals, async (given) => {
        const bare = openPaces();
        const { paces } = openPaces();
        const shields = [shieldPaces(paces), shieldPaces(paces)];
        for (const { id, door, time, burst } of given) {
          const asks = { id, interval: 100_000, tolerance: burst * 100_000 };
          const expected = await bare.paces.pass(asks, at(time));
          expect((await shields[door]?.pass(asks, at(time)))?.passed).toBe(expected.passed);
        }
      }),
    );
  });

  it('keeps a flood from the database: it is asked for what passes', async () => {
    const { asked, paces } = openPaces();
    const shield = shieldPaces(paces);
    let passed = 0;
    for (let time = 0; time < 1_000; time += 1) {
      if ((await shield.pass(step, at(time))).passed) passed += 1;
    }
    expect([passed, asked.length]).toEqual([13, 13]);
  });

  it('keeps a flood that comes all at once from the database, too', async () => {
    const { asked, paces } = openPaces();
    const shield = shieldPaces({
      pass: async (asks, now) => {
        await setImmediate();
        return paces.pass(asks, now);
      },
    });
    const flood = await Promise.all(Array.from({ length: 500 }, () => shield.pass(step, at(0))));
    expect(flood.filter(({ passed }) => passed)).toHaveLength(4);
    expect(asked.length).toBeLessThanOrEqual(4 + 8);
  });

  it('lets nobody wait in turn for a database that does not answer, and asks again afterwards', async () => {
    let asked = 0;
    const shield = shieldPaces({
      pass: async () => {
        asked += 1;
        await setImmediate();
        throw new Error('down');
      },
    });
    const flood = () =>
      Promise.allSettled(Array.from({ length: 500 }, () => shield.pass(step, at(0))));
    for (const { status } of await flood()) expect(status).toBe('rejected');
    expect(asked).toBe(8);
    await flood();
    expect(asked).toBe(16);
  });

  it('learns from a refusal what another instance let pass', async () => {
    const { asked, paces } = openPaces();
    const [here, there] = [shieldPaces(paces), shieldPaces(paces)];
    for (let times = 0; times < 4; times += 1) await there.pass(step, at(0));
    for (let times = 0; times < 9; times += 1) {
      expect((await here.pass(step, at(0))).passed).toBe(false);
    }
    expect(asked).toHaveLength(5);
  });

  it('is not confused by answers that overtake each other', async () => {
    const answers = [pending(), pending()];
    let asked = 0;
    const shield = shieldPaces({
      pass: async () => {
        asked += 1;
        return (await answers[asked - 1]?.promise) ?? { passed: true, due: 0 };
      },
    });
    const [first, second] = [shield.pass(step, at(0)), shield.pass(step, at(0))];
    answers[1]?.resolve({ passed: true, due: (NOW + 400) * 1000 });
    await second;
    answers[0]?.resolve({ passed: true, due: (NOW + 100) * 1000 });
    await first;
    expect((await shield.pass(step, at(99))).passed).toBe(false);
    expect(asked).toBe(2);
  });

  it('learns nothing from a database that does not answer', async () => {
    const shield = shieldPaces({ pass: () => Promise.reject(new Error('down')) });
    for (let times = 0; times < 9; times += 1) {
      await expect(shield.pass(step, at(0))).rejects.toThrow('down');
    }
  });
});

const pending = () => Promise.withResolvers<{ passed: boolean; due: number }>();
