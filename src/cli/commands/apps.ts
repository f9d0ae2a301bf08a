import type { Command } from 'commander';
import { readEntry, type WrittenEntry } from '../../config/read-entry.ts';
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
  readonly dropSecrets?: boolean;
}

interface RotateOptions extends ClientOptions {
  readonly expires?: string;
  readonly endOthers?: boolean;
}

/** An app as the configuration has it, as far as commands look at it. */
interface App {
  readonly id: string;
  readonly secret_hash?: readonly Secret[];
}
type Secret = string | { readonly hash: string };

const hashOf = (kept: Secret): string => (typeof kept === 'string' ? kept : kept.hash);

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
    .option('--replace', 'replace the app as a whole where there is one of that id')
    .option('--drop-secrets', 'with --replace: end its secrets where the file names none');
  withClientOptions(register).action(async (options: RegisterOptions, command: Command) => {
    const source = options.file === '-' ? 'standard input' : options.file;
    const entry = readEntry(await textOf(options.file, surroundings), source);
    const output = outputOf(command, surroundings);
    const send = await signInAsAdmin(options, surroundings);
    const write = options.replace === true ? replaceApp : addApp;
    const { app, notes } = await write(send, entry, options.dropSecrets === true);
    output.answer(app, members({ ...app }));
    for (const note of [...notes, ...noCredential(app)]) output.note(note);
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
      const before = secret_hash.map(hashOf);
      const path = `${pathOf(appId)}/secrets`;
      const { expires } = options;
      const body = { ...(expires !== undefined && { expires }) };
      const minted = await send<Minted>({ method: 'POST', path, body });
      // Whatever fails from here on: the secret is shown this once.
      const ended = options.endOthers === true ? await endEach(send, path, before) : [];
      const still_good = before.filter((hash) => !ended.includes(hash));
      const answer = { ...minted, ended, still_good };
      const shown = { ...answer, expires: minted.expires ?? 'as long as the app' };
      outputOf(command, surroundings).answer(answer, members(shown));
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

interface Registered {
  readonly app: App;
  /** For people. */
  readonly notes: readonly string[];
}

const addApp = async (send: Send, entry: WrittenEntry): Promise<Registered> => {
  const headers = { 'If-None-Match': '*' };
  const put = send<App>({ method: 'PUT', path: pathOf(entry.id), body: entry, headers });
  const app = await put.catch((error: unknown) => {
    throw changed(error, `there is an app ${entry.id} already: --replace replaces it as a whole`);
  });
  return { app, notes: [] };
};

/** Secrets are made at the broker, and a file seldom has them: one that names none takes none away. */
const replaceApp = async (
  send: Send,
  entry: WrittenEntry,
  dropSecrets: boolean,
): Promise<Registered> => {
  const path = pathOf(entry.id);
  let tag: string | undefined;
  const onTag = (seen: string): void => {
    tag = seen;
  };
  const before = await send<App>({ method: 'GET', path, onTag }).catch((error: unknown) => {
    if (hasStatus(error, 404)) return undefined;
    throw error;
  });
  const secrets = before?.secret_hash ?? [];
  const isKept = secrets.length > 0 && !dropSecrets && isConfidential(entry) && !canProve(entry);
  const body = isKept ? { ...entry, secret_hash: secrets } : entry;
  // Nobody ends a secret that was made since we looked.
  const headers = tag === undefined ? {} : { 'If-Match': tag };
  const put = send<App>({ method: 'PUT', path, body, headers });
  const app = await put.catch((error: unknown) => {
    throw changed(error, `${entry.id} was changed meanwhile, and was not replaced: run it again`);
  });
  const left = new Set((app.secret_hash ?? []).map(hashOf));
  const ended = secrets.map(hashOf).filter((hash) => !left.has(hash));
  const kept = `the file names no secret: ${entry.id} keeps those it had (--drop-secrets ends them)`;
  return {
    app,
    notes: [...(isKept ? [kept] : []), ...ended.map((hash) => `ended the secret ${hash}`)],
  };
};

/** Instead of the headers that we sent. */
const changed = (error: unknown, words: string): unknown =>
  error instanceof Refusal && error.status === 412
    ? new Refusal(412, { error: error.code, error_description: words })
    : error;

const isConfidential = (app: object): boolean =>
  'type' in app && (app.type === 'web' || app.type === 'service');

/** Whether it has anything to authenticate by. */
const canProve = (app: object): boolean =>
  ['secret_hash', 'jwks', 'tls_client_auth'].some((name) => Object.hasOwn(app, name));

const noCredential = (app: App): readonly string[] =>
  isConfidential(app) && !canProve(app)
    ? [`${app.id} has nothing to sign in by: daypass apps rotate-secret ${app.id} makes a secret`]
    : [];

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

const hasStatus = (error: unknown, status: number): boolean =>
  error instanceof Refusal && error.status === status;

const isGone = (error: unknown): boolean => hasStatus(error, 404);
