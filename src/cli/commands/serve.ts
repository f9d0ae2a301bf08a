import type { Command } from 'commander';
import { configOf, outputOf, type Register } from './command.ts';

export const serve: Register = (program, surroundings) => {
  program
    .command('serve')
    .summary('run the broker until it is told to stop')
    .description(
      'Runs the broker on HOST:PORT until SIGINT or SIGTERM. Where nothing is configured, outside production, ' +
        'with an embedded Postgres, a local object store and the demo IdP.',
    )
    .action(async (_options: object, command: Command) => {
      const output = outputOf(command, surroundings);
      const config = configOf(surroundings);
      const { startDaypass } = await surroundings.compose();
      const daypass = await startDaypass(config, { env: surroundings.env });
      const { issuer, contentOrigin, idp } = daypass;
      output.answer(
        { issuer, docs: `${issuer}/docs`, content_origin: contentOrigin, idp: idp ?? null },
        [
          `Daypass      ${issuer}`,
          `API docs     ${issuer}/docs`,
          `User content ${contentOrigin}`,
          ...(idp === undefined ? [] : [`Demo IdP     ${idp}   (ana, sam, uma; password "demo")`]),
        ],
      );
      await surroundings.untilStopped();
      await daypass.stop();
    });
};
