import type { Command } from 'commander';
import type { Check } from '../../compose/examination.ts';
import { loadConfig } from '../../config/config.ts';
import { ConfigurationError } from '../../config/problem.ts';
import type { Surroundings } from '../surroundings.ts';
import { Negative, outputOf, type Register } from './command.ts';

export const doctor: Register = (program, surroundings) => {
  program
    .command('doctor')
    .summary('is everything there that a broker needs? If not, what helps?')
    .description(
      'Checks the environment, the database, its migrations and role, the configuration in force, the issuers and the ' +
        'buckets. Starts nothing and changes nothing.',
    )
    .action(async (_options: object, command: Command) => {
      const checks = await examineAll(surroundings);
      outputOf(command, surroundings).answer({ checks }, checks.flatMap(linesOf));
      if (checks.some(({ status }) => status === 'failed'))
        throw new Negative('something is wrong');
    });
};

const examineAll = async (surroundings: Surroundings): Promise<readonly Check[]> => {
  try {
    const config = loadConfig(surroundings.env);
    const environment: Check = {
      name: 'environment',
      status: 'ok',
      detail: `${config.production ? 'production' : 'development'}, issuer ${config.issuer}`,
    };
    const { examine } = await surroundings.offline();
    return [environment, ...(await examine(config, surroundings.env))];
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return error.problems.map(({ path, message, remedy }) => ({
      name: 'environment',
      status: 'failed',
      detail: `${path} ${message}`,
      fix: remedy,
    }));
  }
};

const MARK = { ok: 'ok     ', failed: 'FAILED ', skipped: 'skipped' } as const;

const linesOf = ({ name, status, detail, fix }: Check): readonly string[] => [
  `${MARK[status]}  ${name}: ${detail}`,
  ...(fix === undefined ? [] : [`         ${fix}`]),
];
