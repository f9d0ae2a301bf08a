import type { Command } from 'commander';
import { type ClientOptions, withClientOptions } from '../client-options.ts';
import { members } from '../output.ts';
import { signInAsAdmin } from '../sign-in.ts';
import { outputOf, type Register } from './command.ts';
import { type Page, type PageOptions, pageQuery, showPage, withPageOptions } from './lists.ts';

interface ListOptions extends PageOptions {
  readonly app?: string;
  readonly user?: string;
  readonly device?: string;
}

const COLUMNS = ['token_id', 'status', 'app_id', 'user_id', 'resource', 'expires_at'];

export const tokens: Register = (program, surroundings) => {
  const group = program.command('tokens').summary('what was issued');

  const list = group
    .command('list')
    .summary('tokens, newest first')
    .description(
      'What was issued, newest first; never a token itself. Takes the role security or auditor.',
    )
    .option('--app <id>')
    .option('--user <id>')
    .option('--device <id>');
  withPageOptions(list).action(async (options: ListOptions, command: Command) => {
    const send = await signInAsAdmin(options, surroundings);
    const { app: app_id, user: user_id, device: device_id } = options;
    const query = { app_id, user_id, device_id, ...pageQuery(options) };
    const page = await send<Page>({ method: 'GET', path: '/admin/v1/tokens', query });
    showPage(outputOf(command, surroundings), 'tokens', page, COLUMNS);
  });

  const show = group
    .command('show')
    .summary('one token, as it was issued and as it stands')
    .argument('<token-id>', 'tk_…');
  withClientOptions(show).action(
    async (tokenId: string, options: ClientOptions, command: Command) => {
      const send = await signInAsAdmin(options, surroundings);
      const path = `/admin/v1/tokens/${encodeURIComponent(tokenId)}`;
      const token = await send<Record<string, unknown>>({ method: 'GET', path });
      outputOf(command, surroundings).answer(token, members(token));
    },
  );
};
