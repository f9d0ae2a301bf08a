import { describe, expect, it } from '@jest/globals';
import { shieldQuotas } from '../../../src/broker/shielded-quotas.ts';
import type { QuotaClaim, Quotas } from '../../../src/ledger/ledger.ts';

const claim: QuotaClaim = { id: 'a', limit: 1, amount: 1, windowSeconds: 60 };
const NOW = 1_790_000_000_000;

/** Has `left`, and counts how often it is asked. */
const openQuotas = (left: number) => {
  const asked: string[] = [];
  let room = left;
  const quotas: Quotas = {
    take: async (claims) => {
      asked.push(claims.map(({ id }) => id).join());
      room -= 1;
      return room >= 0 ? [] : claims.map((each) => ({ claim: each, retryAfter: 30 }));
    },
    refund: async () => {
      room = 1;
    },
    forgo: async () => undefined,
  };
  const shielded = shieldQuotas(quotas);
  const take = (milliseconds: number, ...claims: QuotaClaim[]) =>
    shielded.take(claims, new Date(NOW + milliseconds));
  return { asked, shielded, take };
};

describe('the shield before limits', () => {
  it('grants nothing by itself: each that is granted was asked for', async () => {
    const { asked, take } = openQuotas(3);
    for (let times = 0; times < 3; times += 1) expect(await take(0, claim)).toEqual([]);
    expect(asked).toHaveLength(3);
  });

  it('keeps a flood beyond the limit from the database, but for once a second', async () => {
    const { asked, take } = openQuotas(0);
    for (let at = 0; at < 3_000; at += 10) expect(await take(at, claim)).toHaveLength(1);
    expect(asked).toHaveLength(3);
  });

  it('refuses nobody for another, nor for a limit that was changed', async () => {
    const { asked, take } = openQuotas(0);
    await take(0, claim);
    await take(1, { ...claim, id: 'b' });
    await take(2, { ...claim, limit: 2 });
    expect(asked).toEqual(['a', 'b', 'a']);
  });

  it('forgets a refusal once something was given back', async () => {
    const { shielded, take } = openQuotas(0);
    expect(await take(0, claim)).toHaveLength(1);
    await shielded.refund([claim], new Date(NOW));
    expect(await take(1, claim)).toEqual([]);
  });

  it('asks each time for what is taken together', async () => {
    const { asked, take } = openQuotas(0);
    for (let at = 0; at < 3; at += 1) await take(at, claim, { ...claim, id: 'b' });
    expect(asked).toHaveLength(3);
  });
});
