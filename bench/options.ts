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
  /** Before anything is measured: that many answers, or that many seconds where they do not come. */
  readonly warmUp: { readonly answers: number; readonly seconds: number };
  /** Seconds of each run. */
  readonly seconds: { readonly full: number; readonly paced: number };
}

export const USAGE = `npm run bench -- [--quick] [--json FILE] [--profile DIR] [--only ID,ID] [--rounds N]`;

/** Code is compiled by how often it ran, not by how long: a slow machine warms up for longer. */
const THOROUGH = { warmUp: { answers: 4_000, seconds: 6 }, seconds: { full: 3, paced: 3 } };
/** Enough to see that everything runs; too short to decide anything by. */
const QUICK = { warmUp: { answers: 500, seconds: 1 }, seconds: { full: 0.7, paced: 0.4 } };

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
    connections: 64,
    users: 1_000,
    ...(values.quick ? QUICK : THOROUGH),
  };
};
