import { type Rig, runOnce, supplyOf, warmUp } from './measure.ts';
import type { BenchOptions } from './options.ts';
import type { Scenario } from './scenarios/scenario.ts';
import { median } from './statistics.ts';

/** One thing done in a database that holds next to nothing and in one that holds a great deal. */
export interface ScaleResult {
  readonly title: string;
  /** Requests a second, the same for both. */
  readonly rate: number;
  readonly empty: Side;
  readonly full: Side;
  /** Of the medians over all rounds. */
  readonly p99Ratio: number;
  /** Every round, for whoever doubts the median. */
  readonly rounds: readonly { readonly empty: Side; readonly full: Side }[];
}

export interface Side {
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** µs for each answer. */
  readonly serverCpu: number;
  readonly postgresCpu: number;
}

/** The same scenario on the empty database and on the full one. */
export interface Pair {
  readonly empty: Scenario;
  readonly full: Scenario;
}

export interface ScaleParts {
  readonly options: BenchOptions;
  readonly pairs: readonly Pair[];
  readonly rigs: { readonly empty: Rig; readonly full: Rig };
  readonly say: (text: string) => void;
}

/** Of what the slower of the two carries: what is compared is an answer's time, not a queue's. */
const LOAD = 0.3;
/** Answers of one turn, so that a p99 is not one answer's; or as many as come in a few times the usual seconds. */
const ANSWERS = 1_000;
const MOST_TIMES = 4;
const SIDES = ['empty', 'full'] as const;
type SideName = (typeof SIDES)[number];

/**
 * Both sides at one rate, turn by turn within each round, the first turn taken by each in turn: what else the
 * machine does hits them alike.
 */
export const measureScale = async (parts: ScaleParts): Promise<ScaleResult[]> => {
  const results: ScaleResult[] = [];
  for (const pair of parts.pairs) results.push(await comparePair(parts, pair));
  return results;
};

const comparePair = async (
  { options, rigs, say }: ScaleParts,
  pair: Pair,
): Promise<ScaleResult> => {
  const carried: number[] = [];
  for (const side of SIDES) {
    say(`warming up: ${pair[side].title}, ${side}`);
    carried.push(await warmUp(rigs[side], pair[side], options.warmUp));
  }
  const rate = Math.min(...carried) * LOAD;
  const { paced } = options.seconds;
  const seconds = Math.min(Math.max(paced, ANSWERS / rate), paced * MOST_TIMES);
  const rounds: Record<SideName, Side>[] = [];
  for (let round = 0; round < options.rounds; round += 1) {
    const found: Partial<Record<SideName, Side>> = {};
    for (const side of round % 2 === 0 ? SIDES : SIDES.toReversed()) {
      say(`round ${round + 1} of ${options.rounds}: ${pair[side].title}, ${side}`);
      const supply = await supplyOf(pair[side], Math.ceil(rate * seconds) + 1);
      const { report, ...cpu } = await runOnce(rigs[side], pair[side], supply, { seconds, rate });
      found[side] = { p50: report.p50, p99: report.p99, ...cpu };
    }
    rounds.push(found as Record<SideName, Side>);
  }
  const empty = middle(rounds.map((round) => round.empty));
  const full = middle(rounds.map((round) => round.full));
  return { title: pair.empty.title, rate, empty, full, p99Ratio: full.p99 / empty.p99, rounds };
};

const middle = (sides: readonly Side[]): Side => ({
  p50: median(sides.map(({ p50 }) => p50)),
  p99: median(sides.map(({ p99 }) => p99)),
  serverCpu: median(sides.map(({ serverCpu }) => serverCpu)),
  postgresCpu: median(sides.map(({ postgresCpu }) => postgresCpu)),
});
