import { INSTANCES } from './cluster.ts';
import { printFigures, sized } from './figures.ts';

/** Rounds of tries at once to use what may be used once. */

export const ROUNDS = sized(200, 20);
export const TRIES = 50;

/** One outcome, as short as it can be compared: `200`, or `400 invalid_dpop_proof`. */
export type Try = (place: number) => Promise<string>;

export const outcomeOf = (status: number, error: string | undefined): string =>
  error === undefined ? String(status) : `${status} ${error}`;

export const UNAVAILABLE = '503 temporarily_unavailable';

export interface Rounds {
  /** How many won in a round, and how the others fared besides being told to come again. */
  readonly winners: ReadonlySet<number>;
  readonly others: ReadonlySet<string>;
}

/** Exactly one winner in each round. */
export const once = { winners: new Set([1]) };

export const createRounds = () => {
  const figures: Record<string, number | string>[] = [];

  /** Tries of what `prepare` makes, `count` rounds of them. */
  const rounds = async (
    what: string,
    winner: string,
    prepare: (round: number) => Promise<Try> | Try,
    count = ROUNDS,
  ): Promise<Rounds> => {
    const winners = new Set<number>();
    const others = new Set<string>();
    const began = performance.now();
    let again = 0;
    for (let round = 0; round < count; round += 1) {
      const attempt = await prepare(round);
      const outcomes = await Promise.all(
        Array.from({ length: TRIES }, (_, n) => attempt((n + round) % INSTANCES)),
      );
      const won = outcomes.filter((outcome) => outcome === winner).length;
      // Where the database kept somebody waiting, the one use may be theirs, unheard: never two.
      if (won === 0 && outcomes.includes(UNAVAILABLE) && again < count) {
        again += 1;
        round -= 1;
        continue;
      }
      winners.add(won);
      for (const outcome of outcomes) {
        if (outcome !== winner && outcome !== UNAVAILABLE) others.add(outcome);
      }
    }
    const seconds = (performance.now() - began) / 1000;
    figures.push({
      what,
      rounds: count,
      'run again': again,
      tries: count * TRIES,
      'winners in a round': [...winners].join(', '),
      'the rest': [...others].join(', '),
      seconds: seconds.toFixed(1),
    });
    return { winners, others };
  };

  return {
    rounds,
    print: () =>
      printFigures(`Single use: ${TRIES} tries at once over ${INSTANCES} instances`, figures),
  };
};
