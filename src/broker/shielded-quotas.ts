import { LRUCache } from 'lru-cache';
import type { Quotas, Shortage } from '../ledger/ledger.ts';

/** Milliseconds for which a refusal is repeated without asking: so long may what others gave back stay unseen. */
const REMEMBERED = 1_000;
/** Counters remembered at once. */
const MOST = 10_000;

/**
 * Whoever was refused a moment ago is refused again from memory: a flood beyond a limit costs the database one
 * question a second for each counter. It never grants: that is the database's alone.
 */
export const shieldQuotas = (quotas: Quotas): Quotas => {
  const refused = new LRUCache<
    string,
    { readonly short: readonly Shortage[]; readonly at: number }
  >({ max: MOST });

  return {
    take: async (claims, now) => {
      const [claim, ...others] = claims;
      // Of several claims, or of those held at once, what was short may be another's by now: those are asked each time.
      if (!claim || claim.windowSeconds === 0 || others.length > 0) return quotas.take(claims, now);
      const name = `${claim.id} ${claim.limit} ${claim.amount}`;
      const known = refused.get(name);
      // Absolute, so that a clock set back does not make a refusal last.
      if (known && Math.abs(now.getTime() - known.at) < REMEMBERED) return known.short;
      const short = await quotas.take(claims, now);
      if (short.length > 0) refused.set(name, { short, at: now.getTime() });
      return short;
    },
    refund: async (claims, takenAt) => {
      await quotas.refund(claims, takenAt);
      for (const { id, limit, amount } of claims) refused.delete(`${id} ${limit} ${amount}`);
    },
    forgo: quotas.forgo,
  };
};
