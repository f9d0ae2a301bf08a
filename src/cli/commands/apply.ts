import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { dirname, resolve } from 'node:path';
import type { Command } from 'commander';
import type { Config } from '../../config/config.ts';
import { readDeployment } from '../../config/deployment.ts';
import { missingVariables } from '../../config/missing-variables.ts';
import { notYet } from '../../config/not-yet.ts';
import { printPlan } from '../../config/plan.ts';
import { withSchemaFiles } from '../../config/schema-files.ts';
import { isSetIn, secretReader } from '../../config/secret.ts';
import { standingKeys } from '../../config/standing-keys.ts';
import { type Surroundings, UsageError } from '../surroundings.ts';
import { configOf, outputOf, type Register } from './command.ts';

interface ApplyOptions {
  readonly file: string;
  readonly dryRun?: boolean;
}

export const apply: Register = (program, surroundings) => {
  program
    .command('apply')
    .summary('make a configuration file the one in force')
    .description(
      'Replaces the configuration as a whole, in the database that DATABASE_URL names; running brokers follow ' +
        'within a second. What is wrong with the file is shown with its lines, and nothing is changed.',
    )
    .requiredOption('-f, --file <file>', 'daypass.yaml; - for standard input')
    .option('--dry-run', 'show what would change')
    .action(async ({ file, dryRun }: ApplyOptions, command: Command) => {
      const output = outputOf(command, surroundings);
      const config = configOf(surroundings);
      const source = file === '-' ? 'standard input' : file;
      const text = await textOf(file, surroundings);
      const { document: written, lineOf } = readDeployment(text, {
        production: config.production,
        now: surroundings.now(),
        source,
      });
      mustSaySomething(written, source);
      const folder = file === '-' ? '.' : dirname(file);
      const fileBeside = (name: string): string => readFileSync(resolve(folder, name), 'utf8');
      const document = withSchemaFiles(written, fileBeside, source, lineOf);
      const isSet = isSetIn(secretReader(surroundings.env));
      const notices = [
        ...notYet(document),
        ...standingKeys(document),
        ...missingVariables(document, isSet, HERE),
      ];
      for (const { field, message } of notices) output.note(`warning: ${field} ${message}`);
      const { openForAdministration } = await surroundings.compose();
      const mayStart = () => mustNotRunElsewhere(config, surroundings);
      const { configure, close, where } = await openForAdministration(config, { mayStart });
      try {
        output.note(`database: ${where}`);
        if (dryRun) {
          const changes = await configure.plan(document);
          output.answer({ changes, notices }, [printPlan(changes)]);
          return;
        }
        const { version, changes } = await configure.apply(document, { by: whoAmI(), source });
        output.answer({ version, changes, notices }, [
          printPlan(changes),
          `version ${version} is in force`,
        ]);
      } finally {
        await close();
      }
    });
};

/** Of brokers elsewhere nobody knows here what they have. */
const HERE = 'here: set it where the broker runs, and restart the broker, unless it has it already';

/** Milliseconds. */
const PATIENCE = 3_000;

/** A database that was started for this alone would be changed, and nobody's broker. @throws UsageError */
const mustNotRunElsewhere = async (
  { issuer, home }: Pick<Config, 'issuer' | 'home'>,
  { fetch }: Surroundings,
): Promise<void> => {
  const isLive = await fetch(`${issuer}/health/live`, {
    signal: AbortSignal.timeout(PATIENCE),
  }).then(
    ({ ok }) => ok,
    () => false,
  );
  if (!isLive) return;
  throw new UsageError(
    `the broker at ${issuer} has another database: none runs under DAYPASS_HOME (${home}), and DATABASE_URL is not ` +
      'set; set DAYPASS_HOME or DATABASE_URL as for that broker',
  );
};

/** Leans closed: an empty file is a slip far more often than the wish to remove everything. */
const mustSaySomething = (document: object, source: string): void => {
  if (Object.keys(document).length === 0)
    throw new UsageError(`${source} is empty: applied, it would remove every app and bucket`);
};

/** For the record: the account on this machine, which is all that is known here. */
const whoAmI = (): string => {
  try {
    return `cli:${userInfo().username}`;
  } catch {
    return 'cli'; // a container may run under a number that has no name
  }
};

/** A file, or standard input for `-`. @throws UsageError when it cannot be read */
export const textOf = async (file: string, { stdin }: Surroundings): Promise<string> => {
  if (file !== '-') {
    return readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
      throw new UsageError(`${file} cannot be read: ${cause.code ?? cause.message}`, { cause });
    });
  }
  const chunks: Buffer[] = [];
  for await (const chunk of stdin) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString('utf8');
};
