import type { Command } from 'commander';
import { type ClientOptions, withClientOptions } from '../client-options.ts';
import { columns, members } from '../output.ts';
import { signInAsAdmin } from '../sign-in.ts';
import { UsageError } from '../surroundings.ts';
import { outputOf, type Register } from './command.ts';
import { type Page, type PageOptions, pageQuery, showPage, withPageOptions } from './lists.ts';

/** Each option that names a target, by its name on the wire. */
const TARGETS = {
  token: 'token_id',
  grant: 'grant_id',
  app: 'app_id',
  device: 'device_id',
  user: 'user_id',
  issuer: 'issuer_id',
  tenant: 'tenant_id',
  key: 'key_id',
} as const;

interface RevokeOptions
  extends ClientOptions,
    Readonly<Partial<Record<keyof typeof TARGETS, string>>> {
  readonly reason: string;
  readonly block?: boolean;
  readonly containObjects?: boolean;
}

interface Receipt {
  readonly revocation_id: string;
  readonly target: object;
  readonly block: boolean;
  readonly effective_at: string;
  readonly killed: Readonly<Record<string, number>>;
  readonly contained_objects: number;
  readonly residual: readonly Readonly<Record<string, unknown>>[];
}

const PATH = '/admin/v1/revocations';
const COLUMNS = ['revocation_id', 'target', 'block', 'effective_at', 'lifted_at', 'reason'];
const RESIDUAL = ['kind', 'provider', 'count', 'usable_until', 'mitigation'];

const SUCH_AS = 'such as: daypass revoke --app where2eat --reason "key seen in a public notebook"';

export const revoke: Register = (program, surroundings) => {
  const command = program
    .command('revoke')
    .summary('end a token, an app, a user or more, and all that descends from it')
    .description(
      'Returns once it holds everywhere, with a receipt: what is dead, and what a cloud will honour a little longer. ' +
        'All but a token and a grant are blocked too, until daypass revocations lift. Takes the role security; ' +
        'issuers, tenants and keys take it with deployment scope.',
    )
    .option('--token <id>', 'tk_…')
    .option('--grant <id>', 'g_…: all that came from one sign-in')
    .option('--app <id>')
    .option('--device <id>', 'd_…')
    .option('--user <id>', 'u_…')
    .option('--issuer <id>', 'as the configuration names it')
    .option('--tenant <id>')
    .option('--key <kid>', 'every JWT this key has signed')
    .requiredOption('--reason <text>', 'for the record')
    .option('--block', 'refuse new issuance too (the default, but for a token and a grant)')
    .option('--no-block', 'kill what exists, and let new be issued')
    .option('--contain-objects', 'quarantine what was uploaded under it as well')
    .showHelpAfterError(`(${SUCH_AS})`);
  withClientOptions(command).action(async (options: RevokeOptions, self: Command) => {
    const output = outputOf(self, surroundings);
    const { reason, block, containObjects: contain_objects } = options;
    const target = targetOf(options);
    const send = await signInAsAdmin(options, surroundings);
    const body = { target, reason, block, contain_objects };
    const receipt = await send<Receipt>({ method: 'POST', path: PATH, body });
    output.answer(receipt, linesOf(receipt));
  });
};

export const revocations: Register = (program, surroundings) => {
  const group = program.command('revocations').summary('what was revoked, and blocks');

  const list = group
    .command('list')
    .summary('revocations, newest first')
    .description('Revocations, newest first. Takes the role security or auditor.');
  withPageOptions(list).action(async (options: PageOptions, command: Command) => {
    const send = await signInAsAdmin(options, surroundings);
    const page = await send<Page>({ method: 'GET', path: PATH, query: pageQuery(options) });
    showPage(outputOf(command, surroundings), 'revocations', page, COLUMNS);
  });

  const lift = group
    .command('lift')
    .summary('end a block; what was revoked stays dead')
    .description('Lets new credentials be issued again. What was revoked stays dead.')
    .argument('<revocation-id>');
  withClientOptions(lift).action(async (id: string, options: ClientOptions, command: Command) => {
    const send = await signInAsAdmin(options, surroundings);
    await send({ method: 'DELETE', path: `${PATH}/${encodeURIComponent(id)}` });
    outputOf(command, surroundings).answer({ revocation_id: id, lifted: true }, [`lifted ${id}`]);
  });
};

/** Before anybody signs in: an ID token opens the admin door once. */
const targetOf = (options: RevokeOptions): Readonly<Record<string, string>> => {
  const named = Object.entries(TARGETS).flatMap(([option, field]) => {
    const id = options[option as keyof typeof TARGETS];
    return id === undefined ? [] : [[field, id] as const];
  });
  if (named.length !== 1) {
    const all = Object.keys(TARGETS).map((option) => `--${option}`);
    const wrong = named.length === 0 ? 'no target is named' : 'more than one target is named';
    throw new UsageError(`${wrong}: name one target: ${all.join(', ')}; ${SUCH_AS}`);
  }
  return Object.fromEntries(named);
};

const linesOf = ({ residual, ...receipt }: Receipt): readonly string[] => [
  ...members({
    revocation_id: receipt.revocation_id,
    target: receipt.target,
    block: receipt.block,
    effective_at: receipt.effective_at,
    ...receipt.killed,
    contained_objects: receipt.contained_objects,
  }),
  ...(residual.length === 0
    ? ['nothing is usable any more']
    : [
        'still usable, out of our reach:',
        ...columns(
          RESIDUAL,
          residual.map((one) => RESIDUAL.map((name) => one[name])),
        ),
      ]),
];
