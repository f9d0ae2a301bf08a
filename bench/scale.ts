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
  /** Of p99, within each round. */
  readonly p99Ratio: number;
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
const LOAD = 0.5;
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
  const seconds = options.seconds.paced;
  const found: Record<SideName, Side[]> = { empty: [], full: [] };
  for (let round = 0; round < options.rounds; round += 1) {
    for (const side of round % 2 === 0 ? SIDES : SIDES.toReversed()) {
      say(`round ${round + 1} of ${options.rounds}: ${pair[side].title}, ${side}`);
      const supply = await supplyOf(pair[side], Math.ceil(rate * seconds) + 1);
      const { report, ...cpu } = await runOnce(rigs[side], pair[side], supply, { seconds, rate });
      found[side].push({ p50: report.p50, p99: report.p99, ...cpu });
    }
  }
  return {
    title: pair.empty.title,
    rate,
    empty: middle(found.empty),
    full: middle(found.full),
    p99Ratio: median(
      found.full.map(({ p99 }, round) => p99 / (found.empty[round]?.p99 ?? Number.NaN)),
    ),
  };
};

const middle = (sides: readonly Side[]): Side => ({
  p50: median(sides.map(({ p50 }) => p50)),
  p99: median(sides.map(({ p99 }) => p99)),
  serverCpu: median(sides.map(({ serverCpu }) => serverCpu)),
  postgresCpu: median(sides.map(({ postgresCpu }) => postgresCpu)),
});
