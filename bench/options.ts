import { parseArgs } from 'node:util';

/** How one run of the benchmark is made. */
export interface BenchOptions {
  /** Where the results go as JSON, beside the table. */
  readonly json: string | undefined;
  /** Where the broker's CPU profile goes. */
  readonly profile: string | undefined;
  /** Ids of the scenarios to run, and `revoke-app`, `presign`, `uploads`; empty: all. */
  readonly only: readonly string[];
  readonly rounds: number;
  readonly connections: number;
  readonly users: number;
  /** Before anything is measured: that many answers, or that many seconds where they do not come. */
  readonly warmUp: { readonly answers: number; readonly seconds: number };
  /** Live tokens beside a large revocation, and how many it ends. */
  readonly revokeApp: { readonly tokens: number; readonly ofOneApp: number };
  /** Compares a full database with an empty one, instead of the broker with the stock server. */
  readonly scaled: boolean;
  /** What the full one holds. */
  readonly scale: { readonly tokens: number; readonly auditEvents: number };
  /** Seconds of each run. */
  readonly seconds: { readonly full: number; readonly paced: number };
}

export const USAGE = `npm run bench -- [--quick] [--json FILE] [--profile DIR] [--only ID,ID] [--rounds N] [--connections N]
npm run bench -- --scale [--tokens N] [--audit N] [--quick] [--json FILE] [--only ID,ID] [--rounds N]`;

/** Code is compiled by how often it ran, not by how long: a slow machine warms up for longer. */
const THOROUGH = {
  warmUp: { answers: 4_000, seconds: 6 },
  seconds: { full: 3, paced: 3 },
  revokeApp: { tokens: 300_000, ofOneApp: 100_000 },
};
/** Enough to see that everything runs; too short to decide anything by. */
const QUICK = {
  warmUp: { answers: 500, seconds: 1 },
  seconds: { full: 0.7, paced: 0.4 },
  revokeApp: { tokens: 15_000, ofOneApp: 5_000 },
};
/** A large deployment at its busiest (--tokens 1000000 --audit 5000000) takes gigabytes and minutes. */
const SCALE = { tokens: '100000', audit: '500000' };

/** @throws Error for an argument that means nothing. */
export const readOptions = (args: readonly string[]): BenchOptions => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      json: { type: 'string' },
      profile: { type: 'string' },
      only: { type: 'string', default: '' },
      rounds: { type: 'string' },
      connections: { type: 'string', default: '64' },
      scale: { type: 'boolean', default: false },
      tokens: { type: 'string', default: SCALE.tokens },
      audit: { type: 'string', default: SCALE.audit },
    },
  });
  return {
    json: values.json,
    profile: values.profile,
    only: values.only.split(',').filter((id) => id !== ''),
    // A p99 strays further than a median.
    rounds: wholeNumber('rounds', values.rounds ?? (values.scale ? '11' : '3')),
    scaled: values.scale,
    scale: {
      tokens: wholeNumber('tokens', values.tokens),
      auditEvents: wholeNumber('audit', values.audit),
    },
    connections: wholeNumber('connections', values.connections),
    users: 1_000,
    ...(values.quick ? QUICK : THOROUGH),
  };
};

const wholeNumber = (option: string, text: string): number => {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1) return value;
  throw new Error(`--${option} takes a whole number`);
};
