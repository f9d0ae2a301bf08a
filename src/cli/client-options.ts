import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { createDaypassClient, type DaypassClient } from './daypass-client.ts';
import { createProver, newKey, readKey, writeKey } from './proof.ts';
import { type Surroundings, UsageError } from './surroundings.ts';

/** Options of every command that talks to a broker. */
export interface ClientOptions {
  readonly server?: string;
  readonly idToken?: string;
  readonly as?: string;
  readonly password?: string;
  readonly idp?: string;
}

/** Where `daypass serve` runs it. */
export const demoIdp = ({ env }: Pick<Surroundings, 'env'>): string =>
  `http://localhost:${env.DEMO_IDP_PORT || '8081'}`;

export const url = (text: string): string => {
  const parsed = URL.parse(text);
  if (parsed && /^https?:$/.test(parsed.protocol)) return text.replace(/\/+$/, '');
  throw new InvalidArgumentError('give an http or https URL.');
};

export const positive = (text: string): number => {
  const number = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(number) && number > 0) return number;
  throw new InvalidArgumentError('give a positive whole number.');
};

/** For options that may be repeated. */
export const collect = (value: string, before: readonly string[] = []): readonly string[] => [
  ...before,
  value,
];

export const withClientOptions = (command: Command): Command =>
  command
    .addOption(
      new Option(
        '--server <url>',
        'the issuer URL of the broker; ISSUER, else http://localhost:8080',
      ).argParser(url),
    )
    .addOption(
      new Option(
        '--id-token <jwt>',
        'of the corporate IdP; better in DAYPASS_ID_TOKEN, where ps does not show it',
      ).conflicts('as'),
    )
    .option('--as <user>', 'sign in to the demo IdP as ana, sam or uma (development only)')
    .option('--password <password>', 'of that user')
    .addOption(
      new Option(
        '--idp <url>',
        'the demo IdP; http://localhost:8081, or at DEMO_IDP_PORT',
      ).argParser(url),
    );

/** @throws UsageError when ISSUER is not a URL */
export const serverOf = ({ server }: ClientOptions, { env }: Surroundings): string => {
  if (server !== undefined) return server;
  const issuer = env.ISSUER || `http://localhost:${env.PORT || '8080'}`;
  if (!URL.canParse(issuer))
    throw new UsageError('ISSUER is not a URL: correct it, or give --server');
  return url(issuer);
};

/**
 * A client with a key made for this run, or kept in `keyFile`, which is made when it is missing.
 *
 * @throws UsageError when the file holds no such key
 */
export const connect = (
  options: ClientOptions,
  surroundings: Surroundings,
  keyFile?: string,
): DaypassClient =>
  createDaypassClient({
    server: serverOf(options, surroundings),
    prove: createProver(keyFile === undefined ? newKey() : keptKey(keyFile)),
    fetch: surroundings.fetch,
    now: surroundings.now,
  });

const keptKey = (file: string) => {
  try {
    if (existsSync(file)) return readKey(readFileSync(file, 'utf8'));
    const key = newKey();
    writeFileSync(file, writeKey(key), { mode: 0o600, flag: 'wx' });
    return key;
  } catch (cause) {
    throw new UsageError(`--key ${file}: not a P-256 private key in PEM, or not writable`, {
      cause,
    });
  }
};
