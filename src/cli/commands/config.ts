import type { Command } from 'commander';
import { type ClientOptions, withClientOptions } from '../client-options.ts';
import { signInAsAdmin } from '../sign-in.ts';
import { outputOf, type Register } from './command.ts';

export const config: Register = (program, surroundings) => {
  const get = program
    .command('config')
    .summary('the configuration in force')
    .command('get')
    .summary('the document, as it was applied')
    .description(
      'Prints the configuration as JSON, which daypass apply -f takes back. Takes a role with deployment scope.',
    );
  withClientOptions(get).action(async (options: ClientOptions, command: Command) => {
    const output = outputOf(command, surroundings);
    const send = await signInAsAdmin(options, surroundings);
    const document = await send<object>({ method: 'GET', path: '/admin/v1/config' });
    output.answer(document, [JSON.stringify(document, null, 2)]);
  });
};
