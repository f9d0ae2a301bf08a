import { parseArgs } from 'node:util';

/** How one run of the benchmark is made. */
export interface BenchOptions {
  /** Where the results go as JSON, beside the table. */
  readonly json: string | undefined;
  /** Where the broker's CPU profile goes. */
  readonly profile: string | undefined;
  /** Ids of the scenarios to run; empty: all. */
  readonly only: readonly string[];
  readonly rounds: number;
  readonly connections: number;
  readonly users: number;
  /** Seconds of each run. */
  readonly seconds: { readonly warmUp: number; readonly full: number; readonly paced: number };
}

export const USAGE = `npm run bench -- [--quick] [--json FILE] [--profile DIR] [--only ID,ID] [--rounds N]`;

const SECONDS = { warmUp: 2, full: 3, paced: 3 };
/** Enough to see that everything runs; too short to decide anything by. */
const QUICK_SECONDS = { warmUp: 0.7, full: 0.8, paced: 0.6 };

/** @throws Error for an argument that means nothing. */
export const readOptions = (args: readonly string[]): BenchOptions => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      json: { type: 'string' },
      profile: { type: 'string' },
      only: { type: 'string', default: '' },
      rounds: { type: 'string', default: '3' },
    },
  });
  const rounds = Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error('--rounds takes a whole number');
  return {
    json: values.json,
    profile: values.profile,
    only: values.only.split(',').filter((id) => id !== ''),
    rounds,
    connections: 16,
    users: 1_000,
    seconds: values.quick ? QUICK_SECONDS : SECONDS,
  };
};
