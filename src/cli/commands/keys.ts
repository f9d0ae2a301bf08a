import type { Command } from 'commander';
import { type ClientOptions, withClientOptions } from '../client-options.ts';
import { columns, members } from '../output.ts';
import { signInAsAdmin } from '../sign-in.ts';
import { configOf, outputOf, type Register } from './command.ts';
import { type Page, showPage } from './lists.ts';

const PATH = '/admin/v1/keys';
const COLUMNS = ['kid', 'alg', 'state', 'custody', 'created_at', 'signs_from', 'publish_until'];
const ROTATION = ['alg', 'outcome', 'kid', 'signs_from'];

/** What is out of our reach: a verifier that asks nobody believes the copy of the key set it has. */
const ENDED =
  'nothing it signed is honoured here any more; verifiers that work offline stop once they read /jwks or the status list again';

type Rows = readonly Readonly<Record<string, unknown>>[];

interface RotationAnswer {
  readonly rotations: Rows;
  readonly keys: Rows;
}

interface RevocationAnswer {
  readonly revocation_id: string;
  readonly effective_at: string;
  readonly killed: Readonly<Record<string, number>>;
  readonly keys: Rows;
}

const tableOf = (names: readonly string[], rows: Rows): readonly string[] =>
  columns(
    names,
    rows.map((row) => names.map((name) => row[name])),
  );

export const keys: Register = (program, surroundings) => {
  const group = program.command('keys').summary('signing keys');

  const list = group
    .command('list')
    .summary('which key signs, which is next, and which stay published')
    .description('Signing keys, newest first. Takes a role with deployment scope.');
  withClientOptions(list).action(async (options: ClientOptions, command: Command) => {
    const send = await signInAsAdmin(options, surroundings);
    const page = await send<Page>({ method: 'GET', path: PATH });
    showPage(outputOf(command, surroundings), 'keys', page, COLUMNS);
  });

  const rotate = group
    .command('rotate')
    .summary('sign with the next key')
    .description(
      'Lets the next key sign, on all instances, without a restart: at once where it has been published long ' +
        'enough, else as soon as it has; the answer says when. Takes the role security or platform with deployment scope.',
    )
    .option(
      '--now',
      'do not wait: verifiers that keep an older key set may refuse new tokens for some minutes',
    );
  withClientOptions(rotate).action(
    async (options: ClientOptions & { readonly now?: boolean }, command: Command) => {
      const send = await signInAsAdmin(options, surroundings);
      const body = { now: options.now === true };
      const answer = await send<RotationAnswer>({ method: 'POST', path: `${PATH}/rotate`, body });
      outputOf(command, surroundings).answer(answer, tableOf(ROTATION, answer.rotations));
    },
  );

  const revoke = group
    .command('revoke')
    .summary('emergency: end a key and every token it signed')
    .description(
      'Takes the key out of the key set, signs with another one, and kills all it signed. Takes the role security ' +
        'with deployment scope.',
    )
    .argument('<kid>')
    .requiredOption('--reason <text>', 'for the record');
  withClientOptions(revoke).action(
    async (kid: string, options: ClientOptions & { readonly reason: string }, command: Command) => {
      const send = await signInAsAdmin(options, surroundings);
      const path = `${PATH}/${encodeURIComponent(kid)}/revoke`;
      const { reason } = options;
      const answer = await send<RevocationAnswer>({ method: 'POST', path, body: { reason } });
      const { revocation_id, effective_at, killed } = answer;
      outputOf(command, surroundings).answer(answer, [
        ...members({ revocation_id, effective_at, ...killed }),
        ...tableOf(COLUMNS, answer.keys),
        ENDED,
      ]);
    },
  );

  group
    .command('reseal')
    .summary('seal keys under the newest KEY_ENCRYPTION_KEY')
    .description(
      'Opens every key in the database that DATABASE_URL names, with KEY_ENCRYPTION_KEY or ' +
        'KEY_ENCRYPTION_KEY_PREVIOUS, and seals it under KEY_ENCRYPTION_KEY. Afterwards the previous one can go.',
    )
    .action(async (_options: object, command: Command) => {
      const output = outputOf(command, surroundings);
      const { openForAdministration } = await surroundings.compose();
      const { resealKeys, close } = await openForAdministration(configOf(surroundings));
      try {
        const resealed = await resealKeys();
        output.answer({ resealed }, [
          resealed === 0 ? 'every key is sealed under it already' : `sealed anew: ${resealed}`,
        ]);
      } finally {
        await close();
      }
    });
};
