import type pg from 'pg';
import type { Server } from './broker.ts';
import { postgresCpu, processCpu } from './cpu.ts';
import type { LoadReport, LoadRequest } from './load/messages.ts';
import type { LoadGenerator } from './load.ts';
import type { BenchOptions } from './options.ts';
import type { Scenario } from './scenarios.ts';

export interface Parts {
  readonly options: BenchOptions;
  readonly scenarios: readonly Scenario[];
  readonly servers: Readonly<Record<Scenario['server'], Server>>;
  readonly databases: Readonly<Record<Scenario['server'], pg.Pool>>;
  readonly postmaster: number;
  readonly load: LoadGenerator;
  readonly say: (text: string) => void;
}

/** One scenario in one round. */
export interface Sample {
  /** Answers a second with every connection busy. */
  readonly rate: number;
  /** µs of CPU for each answer at that rate: of the server's process, and of Postgres. */
  readonly serverCpu: number;
  readonly postgresCpu: number;
  /** The same of the server at 70 % of that rate, where fewer requests share a commit. */
  readonly pacedServerCpu: number;
  /** Milliseconds at 70 % of that rate. */
  readonly p50: number;
  readonly p99: number;
}

/** Samples by scenario id, one for each round, and when the rounds were (µs of the monotonic clock). */
export interface Measured {
  readonly samples: ReadonlyMap<string, readonly Sample[]>;
  readonly windows: readonly (readonly [from: number, to: number])[];
}

const PACED_LOAD = 0.7;

const monotonic = (): number => Number(process.hrtime.bigint() / 1000n);

/**
 * Every scenario in every round, one after the other: what else the machine does meanwhile hits them alike,
 * and a ratio is taken within a round.
 *
 * @throws Error when an answer is not a 2xx, or the database does not hold a record for every answer.
 */
export const measure = async (parts: Parts): Promise<Measured> => {
  const { options, scenarios, say } = parts;
  const samples = new Map<string, Sample[]>(scenarios.map(({ id }) => [id, []]));
  const windows: [number, number][] = [];
  for (const scenario of scenarios) {
    say(`warming up: ${scenario.title}`);
    await warmUp(parts, scenario);
  }
  for (let round = 1; round <= options.rounds; round += 1) {
    for (const scenario of scenarios) {
      say(`round ${round} of ${options.rounds}: ${scenario.title}`);
      const requests = await scenario.requests();
      const from = monotonic();
      samples.get(scenario.id)?.push(await sampleOf(parts, scenario, requests));
      windows.push([from, monotonic()]);
    }
  }
  return { samples, windows };
};

const warmUp = async (parts: Parts, scenario: Scenario): Promise<void> => {
  const { answers, seconds } = parts.options.warmUp;
  const requests = await scenario.requests();
  const until = performance.now() + seconds * 1000;
  for (let answered = 0; answered < answers && performance.now() < until; ) {
    const { report } = await runOnce(parts, scenario, requests, { seconds: Math.min(seconds, 1) });
    answered += report.answers;
  }
};

const sampleOf = async (
  parts: Parts,
  scenario: Scenario,
  requests: readonly LoadRequest[],
): Promise<Sample> => {
  const { seconds } = parts.options;
  const full = await runOnce(parts, scenario, requests, { seconds: seconds.full });
  const rate = full.report.answers / full.report.seconds;
  const paced = await runOnce(parts, scenario, requests, {
    seconds: seconds.paced,
    rate: rate * PACED_LOAD,
  });
  return {
    rate,
    serverCpu: full.serverCpu,
    postgresCpu: full.postgresCpu,
    pacedServerCpu: paced.serverCpu,
    p50: paced.report.p50,
    p99: paced.report.p99,
  };
};

interface Run {
  readonly report: LoadReport;
  readonly serverCpu: number;
  readonly postgresCpu: number;
}

/** Where the next run begins among the requests: not everyone's turn should come at the same moment. */
let first = 0;

const runOnce = async (
  { options, servers, databases, postmaster, load }: Parts,
  scenario: Scenario,
  requests: readonly LoadRequest[],
  pace: { readonly seconds: number; readonly rate?: number },
): Promise<Run> => {
  const server = servers[scenario.server];
  const before = await countRecords(databases[scenario.server], scenario);
  const cpu = { server: processCpu(server.pid), postgres: postgresCpu(postmaster) };
  const { origin } = server;
  const { connections } = options;
  const report = await load.run({ origin, requests, first, connections, ...pace });
  const used = {
    server: processCpu(server.pid) - cpu.server,
    postgres: postgresCpu(postmaster) - cpu.postgres,
  };
  first += report.answers;
  const after = await countRecords(databases[scenario.server], scenario);
  for (const [index, table] of scenario.records.entries()) {
    const gained = (after[index] ?? 0) - (before[index] ?? 0);
    if (gained === report.answers) continue;
    throw new Error(`${scenario.id}: ${report.answers} answers, but ${gained} rows in ${table}`);
  }
  return {
    report,
    serverCpu: used.server / report.answers,
    postgresCpu: used.postgres / report.answers,
  };
};

const countRecords = (database: pg.Pool, { records }: Scenario): Promise<number[]> =>
  Promise.all(
    records.map(async (table) => {
      const { rows } = await database.query<{ count: number }>(
        `SELECT count(*)::int AS count FROM ${table}`,
      );
      return rows[0]?.count ?? Number.NaN;
    }),
  );
