/** `npm run bench`: what does one credential cost, beside the stock authorization server on the same machine? */
import { writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { join, resolve } from 'node:path';
import { type BenchOptions, readOptions, USAGE } from './options.ts';
import { summariseProfile } from './profile.ts';
import { GOALS } from './results.ts';
import { type Comparison, compare, compareScales } from './runs.ts';
import {
  largeRevocationsTable,
  presignTable,
  resultsTable,
  scaleTable,
  uploadsTable,
} from './table.ts';
import { LINES, UPLOADS_DIR } from './uploads.ts';

const say = (text: string): void => {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text}`);
  else if (text !== '') process.stderr.write(`${text}\n`);
};

const load = (): string =>
  loadavg()
    .map((average) => average.toFixed(1))
    .join(' ');
const loadBefore = load();

/** What else the machine did stands beside every figure: one with more to do than it has cores says little. */
const machine = () => ({
  node: process.version,
  cpu: cpus()[0]?.model ?? 'unknown',
  cores: availableParallelism(),
  load: { before: loadBefore, after: load() },
});

const printMachine = (): void => {
  const { cpu, cores, node, load } = machine();
  say('');
  console.log(`\n${cpu}, ${cores} cores, Node ${node}`);
  console.log(`load average ${load.before} before, ${load.after} after\n`);
};

const write = (options: BenchOptions, found: object): void => {
  if (options.json === undefined) return;
  const report = { at: new Date().toISOString(), machine: machine(), options, goals: GOALS };
  writeFileSync(options.json, `${JSON.stringify({ ...report, ...found }, undefined, 2)}\n`);
};

const runComparison = async (options: BenchOptions): Promise<void> => {
  const { results, measured, revocations, presigns, uploads } = await compare(options, say);
  printMachine();
  if (results.length > 0) console.log(resultsTable(results));
  if (revocations.length > 0) {
    console.log(`\n${largeRevocationsTable(revocations, options.revokeApp)}`);
  }
  if (presigns.length > 0) console.log(`\n${presignTable(presigns)}`);
  if (uploads) console.log(`\n${uploadsTable(uploads.results, { lines: LINES, ...uploads })}`);
  printProfiles(options, { measured, uploads });
  write(options, { results, revocations, presigns, uploads: uploads?.results ?? [] });
};

/** Of the broker that was compared, and of the one that took the uploads: two processes. */
const printProfiles = (
  { profile }: BenchOptions,
  { measured, uploads }: Pick<Comparison, 'measured' | 'uploads'>,
): void => {
  if (profile === undefined) return;
  const dir = resolve(profile);
  if (measured.windows.length > 0) console.log(`\n${summariseProfile(dir, measured.windows)}`);
  if (uploads) console.log(`\n${summariseProfile(join(dir, UPLOADS_DIR), uploads.windows)}`);
};

const runScale = async (options: BenchOptions): Promise<void> => {
  const { results, bytes } = await compareScales(options, say);
  printMachine();
  console.log(scaleTable(results, { ...options.scale, bytes }));
  write(options, { results, bytes });
};

try {
  const options = readOptions(process.argv.slice(2));
  await (options.scaled ? runScale(options) : runComparison(options));
} catch (error) {
  console.error(error instanceof Error ? [error.message, error.cause ?? ''].join(' ') : error);
  console.error(USAGE);
  process.exitCode = 1;
}
