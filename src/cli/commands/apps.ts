import type { Command } from 'commander';
import { readEntry } from '../../config/read-entry.ts';
import { type ClientOptions, withClientOptions } from '../client-options.ts';
import { Refusal } from '../daypass-client.ts';
import { members } from '../output.ts';
import { type Send, signInAsAdmin } from '../sign-in.ts';
import { textOf } from './apply.ts';
import { Negative, outputOf, type Register } from './command.ts';
import { type Page, type PageOptions, pageQuery, showPage, withPageOptions } from './lists.ts';

interface ListOptions extends PageOptions {
  readonly tenant?: string;
  readonly owner?: string;
  readonly expired?: boolean;
}

interface RegisterOptions extends ClientOptions {
  readonly file: string;
  readonly replace?: boolean;
}

interface RotateOptions extends ClientOptions {
  readonly expires?: string;
  readonly endOthers?: boolean;
}

/** An app as the configuration has it, as far as commands look at it. */
interface App {
  readonly id: string;
  readonly secret_hash?: readonly (string | { readonly hash: string })[];
}

interface Minted {
  readonly client_id: string;
  readonly client_secret: string;
  readonly secret_hash: string;
  readonly expires: string | null;
}

const PATH = '/admin/v1/apps';
const COLUMNS = ['id', 'tenant', 'type', 'owner', 'expires', 'purpose'];

const pathOf = (appId: string): string => `${PATH}/${encodeURIComponent(appId)}`;

export const apps: Register = (program, surroundings) => {
  const group = program.command('apps').summary('micro apps: OAuth clients');

  const list = group
    .command('list')
    .summary('apps, by id')
    .description('Apps of the configuration in force. Takes a role of their tenant.')
    .option('--tenant <id>')
    .option('--owner <owner>')
    .option('--expired', 'only those that get nothing any more')
    .option('--no-expired', 'only the others');
  withPageOptions(list).action(async (options: ListOptions, command: Command) => {
    const send = await signInAsAdmin(options, surroundings);
    const { tenant, owner } = options;
    const expired = options.expired === undefined ? undefined : String(options.expired);
    const query = { tenant, owner, expired, ...pageQuery(options) };
    const page = await send<Page>({ method: 'GET', path: PATH, query });
    showPage(outputOf(command, surroundings), 'apps', page, COLUMNS);
  });

  const show = group
    .command('show')
    .summary('one app, as it was written')
    .description('One app, as it was written. Takes a role of its tenant.')
    .argument('<app-id>');
  withClientOptions(show).action(
    async (appId: string, options: ClientOptions, command: Command) => {
      const send = await signInAsAdmin(options, surroundings);
      const app = await send<Record<string, unknown>>({ method: 'GET', path: pathOf(appId) });
      outputOf(command, surroundings).answer(app, members(app));
    },
  );

  const register = group
    .command('register')
    .summary('add an app to the configuration')
    .description(
      'Adds one app, written as an entry of `apps` in daypass.yaml, in YAML or JSON. What is wrong with it is shown, ' +
        'and nothing is changed. Takes the role platform of its tenant.',
    )
    .requiredOption('-f, --file <file>', 'the entry; - for standard input')
    .option('--replace', 'replace the app as a whole where there is one of that id');
  withClientOptions(register).action(async (options: RegisterOptions, command: Command) => {
    const source = options.file === '-' ? 'standard input' : options.file;
    const entry = readEntry(await textOf(options.file, surroundings), source);
    const send = await signInAsAdmin(options, surroundings);
    const app = await send<Record<string, unknown>>({
      method: 'PUT',
      path: pathOf(entry.id),
      body: entry,
      ...(options.replace !== true && { headers: { 'If-None-Match': '*' } }),
    });
    outputOf(command, surroundings).answer(app, members(app));
  });

  const rotate = group
    .command('rotate-secret')
    .summary('make a secret for a web or service app')
    .description(
      'Makes a secret beside those the app has, and shows it this once: give it to the app, then end the others. ' +
        'Where one has leaked, --end-others ends them at once. Takes the role platform of its tenant.',
    )
    .argument('<app-id>')
    .option('--expires <time>', 'a date, or RFC 3339; left out: as long as the app')
    .option('--end-others', 'the secrets it had are good for nothing from now on');
  withClientOptions(rotate).action(
    async (appId: string, options: RotateOptions, command: Command) => {
      const send = await signInAsAdmin(options, surroundings);
      const { secret_hash = [] } = await send<App>({ method: 'GET', path: pathOf(appId) });
      const before = secret_hash.map((kept) => (typeof kept === 'string' ? kept : kept.hash));
      const path = `${pathOf(appId)}/secrets`;
      const { expires } = options;
      const body = { ...(expires !== undefined && { expires }) };
      const minted = await send<Minted>({ method: 'POST', path, body });
      // Whatever fails from here on: the secret is shown this once.
      const ended = options.endOthers === true ? await endEach(send, path, before) : [];
      const still_good = before.filter((hash) => !ended.includes(hash));
      const answer = { ...minted, ended, still_good };
      outputOf(command, surroundings).answer(answer, members(answer));
      if (options.endOthers === true && still_good.length > 0) throw new Negative();
    },
  );

  const remove = group
    .command('remove')
    .summary('take an app out of the configuration')
    .description(
      'The app gets nothing any more. To end what it holds too, run daypass revoke --app first. Takes the role ' +
        'platform of its tenant.',
    )
    .argument('<app-id>');
  withClientOptions(remove).action(
    async (appId: string, options: ClientOptions, command: Command) => {
      const send = await signInAsAdmin(options, surroundings);
      await send({ method: 'DELETE', path: pathOf(appId) });
      outputOf(command, surroundings).answer({ id: appId, removed: true }, [`removed ${appId}`]);
    },
  );
};

/** Those that could be ended: expired ones are gone by themselves. */
const endEach = async (
  send: Send,
  path: string,
  hashes: readonly string[],
): Promise<readonly string[]> => {
  const ended: string[] = [];
  for (const hash of hashes) {
    const end = send({ method: 'DELETE', path: `${path}/${encodeURIComponent(hash)}` });
    if (await end.then(() => true, isGone)) ended.push(hash);
  }
  return ended;
};

const isGone = (error: unknown): boolean => error instanceof Refusal && error.status === 404;
