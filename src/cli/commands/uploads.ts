import type { Command } from 'commander';
import { type ClientOptions, withClientOptions } from '../client-options.ts';
import { members } from '../output.ts';
import { signInAsAdmin } from '../sign-in.ts';
import { outputOf, type Register } from './command.ts';
import { type Page, type PageOptions, pageQuery, showPage, withPageOptions } from './lists.ts';

interface ListOptions extends PageOptions {
  readonly status?: string;
  readonly bucket?: string;
  readonly app?: string;
  readonly user?: string;
}

interface DecideOptions extends ClientOptions {
  readonly reason?: string;
}

const PATH = '/admin/v1/uploads';
const COLUMNS = ['object_id', 'status', 'app_id', 'user_id', 'resource', 'size', 'reason'];

/** What the security desk does with an upload. */
const DECISIONS = [
  {
    name: 'quarantine',
    summary: 'take an available object out of every reader’s reach',
    description: 'Holds at once, for every reader; its bytes are moved. Takes the role security.',
  },
  {
    name: 'release',
    summary: 'put a quarantined object back where it was, or was to be',
    description: 'Puts back what was inspected, under the key it had. Takes the role security.',
  },
] as const;

export const uploads: Register = (program, surroundings) => {
  const group = program.command('uploads').summary('what was uploaded');

  const list = group
    .command('list')
    .summary('uploads, newest first')
    .description('Uploads, newest first. Takes the role security or auditor.')
    .option('--status <status>', 'such as quarantined')
    .option('--bucket <id>')
    .option('--app <id>')
    .option('--user <id>');
  withPageOptions(list).action(async (options: ListOptions, command: Command) => {
    const send = await signInAsAdmin(options, surroundings);
    const { status, bucket, app: app_id, user: user_id } = options;
    const query = { status, bucket, app_id, user_id, ...pageQuery(options) };
    const page = await send<Page>({ method: 'GET', path: PATH, query });
    showPage(outputOf(command, surroundings), 'uploads', page, COLUMNS);
  });

  const show = group
    .command('show')
    .summary('one upload, and what inspection found')
    .description('One upload, and what inspection found. Takes the role security or auditor.')
    .argument('<object-id>');
  withClientOptions(show).action(
    async (objectId: string, options: ClientOptions, command: Command) => {
      const send = await signInAsAdmin(options, surroundings);
      const path = `${PATH}/${encodeURIComponent(objectId)}`;
      const upload = await send<Record<string, unknown>>({ method: 'GET', path });
      outputOf(command, surroundings).answer(upload, members(upload));
    },
  );

  for (const { name, summary, description } of DECISIONS) {
    const decide = group
      .command(name)
      .summary(summary)
      .description(description)
      .argument('<object-id>')
      .option('--reason <text>', 'for the record');
    withClientOptions(decide).action(
      async (objectId: string, { reason, ...options }: DecideOptions, command: Command) => {
        const send = await signInAsAdmin(options, surroundings);
        const path = `${PATH}/${encodeURIComponent(objectId)}/${name}`;
        const body = { ...(reason !== undefined && { reason }) };
        const upload = await send<Record<string, unknown>>({ method: 'POST', path, body });
        outputOf(command, surroundings).answer(upload, members(upload));
      },
    );
  }
};
