/** `npm run bench`: what does one credential cost, beside the stock authorization server on the same machine? */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import pg from 'pg';
import { startEmbeddedPostgres } from '../src/demo/embedded-postgres.ts';
import { startBaseline } from './baseline.ts';
import { startBroker } from './broker.ts';
import { startCorporateIdp } from './corporate-idp.ts';
import { startLoadGenerator } from './load.ts';
import { type Measured, measure } from './measure.ts';
import { type BenchOptions, readOptions, USAGE } from './options.ts';
import { measurePresigns } from './presign.ts';
import { summariseProfile } from './profile.ts';
import { GOALS, type Result, summarise } from './results.ts';
import { createScenarios } from './scenarios.ts';
import { presignTable, resultsTable } from './table.ts';

const say = (text: string): void => {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text}`);
  else process.stderr.write(`${text}\n`);
};

/** Starts all parts, measures, and stops what was started, in whatever way it ends. */
const runScenarios = async (
  options: BenchOptions,
): Promise<{ results: Result[]; measured: Measured }> => {
  const dir = mkdtempSync(join(tmpdir(), 'daypass-bench-'));
  const started: (() => unknown)[] = [() => rmSync(dir, { recursive: true, force: true })];
  const keep = <Part extends { stop(): unknown }>(part: Part): Part => {
    started.push(() => part.stop());
    return part;
  };
  try {
    say('starting Postgres, the broker and the stock server');
    // Durable: a commit is on disk before it is answered, in both databases alike.
    const postgres = keep(await startEmbeddedPostgres({ dir: join(dir, 'pg'), durable: true }));
    const databases = {
      broker: openPool(postgres.url),
      baseline: await createDatabase(postgres.url, 'baseline'),
    };
    started.push(() => Promise.all([databases.broker.end(), databases.baseline.end()]));
    const idp = keep(await startCorporateIdp());
    const { profile } = options;
    const broker = keep(await startBroker({ dir, databaseUrl: postgres.url, idp, profile }));
    const baseline = keep(await startBaseline(databaseUrl(postgres.url, 'baseline')));
    const load = keep(startLoadGenerator());
    const scenarios = createScenarios({
      idp,
      users: options.users,
      brokerOrigin: broker.origin,
    }).filter(({ id }) => options.only.length === 0 || options.only.includes(id));
    const measured = await measure({
      options,
      scenarios,
      servers: { broker, baseline },
      databases,
      postmaster: postgres.pid,
      load,
      say,
    });
    return { results: summarise(scenarios, measured), measured };
  } finally {
    for (const stop of started.reverse()) await stop();
  }
};

const databaseUrl = (server: string, name: string): string => {
  const url = new URL(server);
  url.pathname = `/${name}`;
  return url.href;
};

const createDatabase = async (server: string, name: string): Promise<pg.Pool> => {
  const owner = new pg.Client({ connectionString: server });
  await owner.connect();
  await owner.query(`CREATE DATABASE ${name}`);
  await owner.end();
  return openPool(databaseUrl(server, name));
};

const openPool = (url: string): pg.Pool => {
  const pool = new pg.Pool({ connectionString: url, max: 2 });
  // An idle connection that the server's shutdown overtakes is no news; a query that fails still is.
  pool.on('error', () => undefined);
  return pool;
};

const machine = {
  node: process.version,
  cpu: cpus()[0]?.model ?? 'unknown',
  cores: availableParallelism(),
};

const main = async (): Promise<void> => {
  const options = readOptions(process.argv.slice(2));
  const { results, measured } = await runScenarios(options);
  say('presigned URLs');
  const presigns =
    options.only.length === 0 ? await measurePresigns(3, options.seconds.full * 120) : [];
  say('');
  console.log(`\n${machine.cpu}, ${machine.cores} cores, Node ${machine.node}\n`);
  console.log(resultsTable(results));
  if (presigns.length > 0) console.log(`\n${presignTable(presigns)}`);
  if (options.profile !== undefined) {
    console.log(`\n${summariseProfile(resolve(options.profile), measured.windows)}`);
  }
  if (options.json !== undefined) {
    const report = { at: new Date().toISOString(), machine, options, goals: GOALS };
    writeFileSync(
      options.json,
      `${JSON.stringify({ ...report, results, presigns }, undefined, 2)}\n`,
    );
  }
};

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  console.error(USAGE);
  process.exitCode = 1;
}
