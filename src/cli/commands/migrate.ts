import type { Command } from 'commander';
import { configOf, outputOf, type Register } from './command.ts';

export const migrate: Register = (program, surroundings) => {
  program
    .command('migrate')
    .summary('bring the database up to date')
    .description(
      'Applies the migrations that DATABASE_URL lacks, all of them or none. Run it as the owner of the database, ' +
        'before the new version serves.',
    )
    .action(async (_options: object, command: Command) => {
      const output = outputOf(command, surroundings);
      const { openForAdministration } = await surroundings.compose();
      const administration = await openForAdministration(configOf(surroundings));
      try {
        const applied = await administration.migrate();
        const lines = applied.map((name) => `applied ${name}`);
        output.answer({ applied }, lines.length > 0 ? lines : ['up to date']);
      } finally {
        await administration.close();
      }
    });
};
