import { type Command, Option } from 'commander';
import { url } from '../client-options.ts';
import { idTokenFor } from '../sign-in.ts';
import { outputOf, type Register } from './command.ts';

interface DemoTokenOptions {
  readonly user: string;
  readonly audience: string;
  readonly password?: string;
  readonly idp?: string;
}

export const demoToken: Register = (program, surroundings) => {
  program
    .command('demo-token')
    .summary('an ID token of the demo IdP (development only)')
    .description(
      'Signs in to the demo IdP, which daypass serve runs, and prints the ID token: for where2eat or another app as ' +
        'the audience to exchange it, for daypass to administer.',
    )
    .requiredOption('--user <name>', 'ana (builder), sam (security) or uma (auditor)')
    .requiredOption('--audience <client>', 'who the token is for: an app, or daypass')
    .option('--password <password>', 'of that user')
    .addOption(
      new Option(
        '--idp <url>',
        'the demo IdP; http://localhost:8081, or at DEMO_IDP_PORT',
      ).argParser(url),
    )
    .action(async ({ user, audience, ...others }: DemoTokenOptions, command: Command) => {
      const output = outputOf(command, surroundings);
      const token = await idTokenFor(audience, { ...others, as: user }, surroundings);
      output.answer({ id_token: token }, [token]);
    });
};
