import type pg from 'pg';
import type { Server } from './broker.ts';
import { familyCpu, processCpu } from './cpu.ts';
import type { LoadReport, LoadRequest } from './load/messages.ts';
import type { LoadGenerator } from './load.ts';
import type { BenchOptions } from './options.ts';
import type { Scenario } from './scenarios/scenario.ts';

export interface Parts extends Rig {
  readonly options: BenchOptions;
  readonly scenarios: readonly Scenario[];
  readonly say: (text: string) => void;
}

/** What a run is made on. */
export interface Rig {
  readonly connections: number;
  readonly servers: Readonly<Record<Scenario['server'], Server>>;
  readonly databases: Readonly<Record<Scenario['server'], pg.Pool>>;
  readonly postmaster: number;
  readonly load: LoadGenerator;
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
 * @throws Error when an answer is not a 2xx, or the database does not hold a record for every answer, or a
 *   request that was good once is taken a second time.
 */
export const measure = async (parts: Parts): Promise<Measured> => {
  const { options, scenarios, say } = parts;
  const samples = new Map<string, Sample[]>(scenarios.map(({ id }) => [id, []]));
  const rates = new Map<string, number>();
  const windows: [number, number][] = [];
  for (const scenario of scenarios) {
    say(`warming up: ${scenario.title}`);
    rates.set(scenario.id, await warmUp(parts, scenario, options.warmUp));
  }
  for (let round = 1; round <= options.rounds; round += 1) {
    for (const scenario of scenarios) {
      say(`round ${round} of ${options.rounds}: ${scenario.title}`);
      const supply = await supplyOf(scenario, wantedAt(rates.get(scenario.id) ?? 0, options));
      const from = monotonic();
      const sample = await sampleOf(parts, scenario, supply);
      samples.get(scenario.id)?.push(sample);
      rates.set(scenario.id, sample.rate);
      windows.push([from, monotonic()]);
    }
  }
  return { samples, windows };
};

/** More than a round sends, on a machine that is less busy by then; should they not do, it ends early. */
const wantedAt = (rate: number, { seconds }: BenchOptions): number =>
  Math.ceil(1.5 * rate * (seconds.full + PACED_LOAD * seconds.paced)) + 200;

/** Requests, and which of them is next. */
export interface Supply {
  readonly requests: readonly LoadRequest[];
  next: number;
}

/** Where the first run begins among requests that are sent again and again: not everyone's turn should come at the same moment. */
let first = 0;

export const supplyOf = async (scenario: Scenario, wanted: number): Promise<Supply> => ({
  requests: await scenario.requests(wanted),
  next: scenario.once ? 0 : first,
});

/** Answers a second, at the end. */
export const warmUp = async (
  rig: Rig,
  scenario: Scenario,
  { answers, seconds }: BenchOptions['warmUp'],
): Promise<number> => {
  const supply = await supplyOf(scenario, Math.min(answers, 1_000 * seconds));
  const until = performance.now() + seconds * 1000;
  const isLeft = (): boolean => !scenario.once || supply.next < supply.requests.length;
  let rate = 0;
  for (let answered = 0; answered < answers && performance.now() < until && isLeft(); ) {
    const { report } = await runOnce(rig, scenario, supply, { seconds: Math.min(seconds, 1) });
    answered += report.answers;
    rate = Math.max(rate, report.answers / report.seconds);
  }
  return rate;
};

const sampleOf = async (parts: Parts, scenario: Scenario, supply: Supply): Promise<Sample> => {
  const { seconds } = parts.options;
  const full = await runOnce(parts, scenario, supply, { seconds: seconds.full });
  const rate = full.report.answers / full.report.seconds;
  const paced = await runOnce(parts, scenario, supply, {
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

export interface Run {
  readonly report: LoadReport;
  readonly serverCpu: number;
  readonly postgresCpu: number;
}

/** @throws Error as `measure` does. */
export const runOnce = async (
  { servers, databases, postmaster, load, connections }: Rig,
  scenario: Scenario,
  supply: Supply,
  pace: { readonly seconds: number; readonly rate?: number },
): Promise<Run> => {
  const server = servers[scenario.server];
  const before = await countRecords(databases[scenario.server], scenario);
  const cpu = { server: processCpu(server.pid), postgres: familyCpu(postmaster) };
  const { origin } = server;
  const report = await load.run({
    origin,
    requests: supply.requests,
    first: supply.next,
    once: scenario.once !== undefined,
    ...(scenario.answer !== undefined && { answer: scenario.answer }),
    connections: scenario.connections ?? connections,
    ...pace,
  });
  const used = {
    server: processCpu(server.pid) - cpu.server,
    postgres: familyCpu(postmaster) - cpu.postgres,
  };
  const after = await countRecords(databases[scenario.server], scenario);
  for (const [index, table] of scenario.records.entries()) {
    const gained = (after[index] ?? 0) - (before[index] ?? 0);
    if (gained === report.answers) continue;
    throw new Error(`${scenario.id}: ${report.answers} answers, but ${gained} rows in ${table}`);
  }
  if (scenario.once === 'refused') await mustBeSpent(scenario, server, supply);
  supply.next += report.sent;
  first += report.answers;
  return {
    report,
    serverCpu: used.server / report.answers,
    postgresCpu: used.postgres / report.answers,
  };
};

/** What was answered once, and is good once, is sent again. */
const mustBeSpent = async (
  { id }: Scenario,
  { origin }: Server,
  { requests, next }: Supply,
): Promise<void> => {
  const request = requests[next];
  if (!request) return;
  const { path, method = 'POST', headers, body = null } = request;
  const { status } = await fetch(origin + path, { method, headers, body });
  if (status !== 400 && status !== 401) throw new Error(`${id}: taken a second time, ${status}`);
};

const countRecords = (database: pg.Pool, { records }: Scenario): Promise<number[]> =>
  Promise.all(
    records.map(async (relation) => {
      const { rows } = await database.query<{ count: number }>(
        `SELECT count(*)::int AS count FROM ${relation}`,
      );
      return rows[0]?.count ?? Number.NaN;
    }),
  );
