import { type Command, Option } from 'commander';
import { giveBack, logInThroughBrowser } from '../browser-login.ts';
import { serverOf, url } from '../client-options.ts';
import { keepLogin, loginFile, takeLogin } from '../kept-login.ts';
import { outputOf, type Register } from './command.ts';

interface LoginOptions {
  readonly server?: string;
  readonly issuer?: string;
  readonly browser: boolean;
}

const SERVER = 'the issuer URL of the broker; ISSUER, else http://localhost:8080';

const withServer = (command: Command): Command =>
  command
    .addOption(new Option('--issuer <url>', SERVER).argParser(url))
    .addOption(new Option('--server <url>').argParser(url).hideHelp());

export const login: Register = (program, surroundings) => {
  const command = program
    .command('login')
    .summary('sign in as an admin, through the browser')
    .description(
      'Signs in through the company’s IdP and keeps the token, and the key it is bound to, for the commands that ' +
        'administer. It ends after minutes; sign in again then.',
    )
    .option('--no-browser', 'print the URL and open nothing: for a machine without a browser');
  withServer(command).action(async (options: LoginOptions, self: Command) => {
    const output = outputOf(self, surroundings);
    const server = serverOf(withIssuer(options), surroundings);
    const show = (address: string): void => {
      output.note('Sign in here, on this machine:');
      output.note(`  ${address}`);
      if (options.browser) surroundings.openBrowser?.(address);
      // For scripts, which read no notes: the URL is what they have to open.
      if (output.json) surroundings.stderr.write(`${address}\n`);
    };
    const kept = await logInThroughBrowser(server, show, surroundings);
    keepLogin(kept, surroundings);
    const { userId, expiresAt } = kept;
    output.answer({ server, user_id: userId, expires_at: expiresAt }, [
      `signed in to ${server} as ${userId}, until ${expiresAt}`,
    ]);
    output.note(`kept in ${loginFile(surroundings)}`);
  });
};

export const logout: Register = (program, surroundings) => {
  const command = program
    .command('logout')
    .summary('give back what login got')
    .description('Revokes the token at the broker, and forgets it and its key.');
  withServer(command).action(async (options: LoginOptions, self: Command) => {
    const output = outputOf(self, surroundings);
    const server = serverOf(withIssuer(options), surroundings);
    const kept = takeLogin(server, surroundings);
    const revoked = kept !== undefined && (await giveBack(kept, surroundings));
    output.answer({ server, revoked }, [kept ? `signed out of ${server}` : 'nobody was signed in']);
    if (kept && !revoked) output.note(`the broker could not be told: it ends at ${kept.expiresAt}`);
  });
};

const withIssuer = ({ server, issuer }: LoginOptions): { readonly server?: string } => {
  const given = issuer ?? server;
  return given === undefined ? {} : { server: given };
};
