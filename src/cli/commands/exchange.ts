import type { Command } from 'commander';
import {
  type ClientOptions,
  collect,
  connect,
  positive,
  withClientOptions,
} from '../client-options.ts';
import { members } from '../output.ts';
import { type IssuedToken, idTokenFor, exchange as send } from '../sign-in.ts';
import { Negative, outputOf, type Register } from './command.ts';

interface ExchangeOptions extends ClientOptions {
  readonly app?: string;
  readonly resource: string;
  readonly action?: readonly string[];
  readonly ttl?: number;
  readonly prefix?: string;
  readonly maxSize?: number;
  readonly contentType?: readonly string[];
  readonly lawfulBasis?: string;
  readonly dryRun?: boolean;
  readonly key?: string;
  readonly dpop: boolean;
}

interface DryRun {
  readonly decision: 'permit' | 'deny';
  readonly policies: readonly string[];
  readonly violations: readonly { readonly message: string; readonly remedy: string }[];
}

export const exchange: Register = (program, surroundings) => {
  const command = program
    .command('exchange')
    .summary('trade an ID token for a narrow credential')
    .description(
      'Exchanges an ID token and prints the credential. It is bound to a key: to one kept with --key, or to one made ' +
        'for this run, which nobody can use it with afterwards.',
    )
    .option('--app <id>', 'the app; left out, the ID token names it; --as needs it')
    .requiredOption('--resource <id>', 'bucket:<id>, or the id of a resource server')
    .option('--action <action>', 'may be repeated; left out, all that is held', collect)
    .option('--ttl <seconds>', 'how long it lives', positive)
    .option('--prefix <path>', 'below which it is good')
    .option('--max-size <bytes>', 'the largest upload', positive)
    .option('--content-type <type>', 'what may be uploaded; may be repeated', collect)
    .option('--lawful-basis <word>', 'for confidential and restricted data, such as contract')
    .option('--dry-run', 'decide, and issue nothing')
    .option('--key <file>', 'the private key to bind it to (P-256, PEM); made when missing')
    .option('--no-dpop', 'unbound, for apps that allow it');
  withClientOptions(command).action(async (options: ExchangeOptions, self: Command) => {
    const output = outputOf(self, surroundings);
    const client = connect(options, surroundings, options.key);
    const idToken = await idTokenFor(options.app, options, surroundings);
    const answer = await send<IssuedToken | DryRun>(
      client,
      idToken,
      requestOf(options),
      options.dpop,
    );
    output.answer(answer, 'decision' in answer ? decided(answer) : issued(answer));
    if ('decision' in answer && answer.decision === 'deny') throw new Negative('denied');
  });
};

const requestOf = (options: ExchangeOptions) => {
  const { prefix, maxSize: max_size, contentType: content_types } = options;
  const isConstrained = [prefix, max_size, content_types].some((value) => value !== undefined);
  return {
    app_id: options.app,
    resource: options.resource,
    actions: options.action,
    ttl: options.ttl,
    constraints: isConstrained ? { prefix, max_size, content_types } : undefined,
    lawful_basis: options.lawfulBasis,
    dry_run: options.dryRun,
  };
};

const issued = (token: IssuedToken): readonly string[] =>
  members({
    access_token: token.access_token,
    token_type: token.token_type,
    expires_in: `${token.expires_in} s`,
    token_id: token.token_id,
    bound_to: token.binding?.jkt,
    scopes: token.scopes,
  });

const decided = ({ decision, policies, violations }: DryRun): readonly string[] => [
  `${decision}: ${policies.join(', ') || 'by default'}`,
  ...violations.flatMap(({ message, remedy }) => [`  ${message}`, `    ${remedy}`]),
];
