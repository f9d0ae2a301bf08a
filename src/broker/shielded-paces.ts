import { LRUCache } from 'lru-cache';
import type { PaceStep, Paces, Passage } from '../ledger/ledger.ts';

/** Keys remembered at once. */
const MOST = 10_000;
/** Questions under way at once about one key: so many a round trip to the database can pass. */
const LANES = 8;

/**
 * Refuses a flood before it reaches the database, by the same rule and the last time the database has told.
 *
 * It never grants: that is the database's alone. Nor does it refuse what would pass there: when the next one is
 * due only moves on, so what comes too early by what is known comes too early by what is so.
 */
export const shieldPaces = (paces: Paces): Paces => {
  const known = new LRUCache<string, number>({ max: MOST });
  const underWay = new Map<string, Promise<Passage>>();
  let lane = 0;

  const ask = async (step: PaceStep, now: Date): Promise<Passage> => {
    const due = known.get(step.id);
    if (due !== undefined && due - step.tolerance > now.getTime() * 1000) {
      return { passed: false, due };
    }
    const passage = await paces.pass(step, now);
    // Answers overtake each other.
    known.set(step.id, Math.max(passage.due, known.get(step.id) ?? passage.due));
    return passage;
  };

  return {
    // Of a flood that comes all at once most wait here, and are refused by the answer to those before them. Where
    // there is none they fail together: nobody waits for one who waited in vain.
    pass: (step, now) => {
      lane = (lane + 1) % LANES;
      const name = `${lane} ${step.id}`;
      const ahead = underWay.get(name);
      const turn = ahead === undefined ? ask(step, now) : ahead.then(() => ask(step, now));
      underWay.set(name, turn);
      const leave = (): void => {
        if (underWay.get(name) === turn) underWay.delete(name);
      };
      turn.then(leave, leave);
      return turn;
    },
  };
};
