import type { Logger } from 'pino';
import type { Config } from '../config/config.ts';
import { openPostgresLedger, type PostgresLedger } from '../ledger/postgres/postgres-ledger.ts';
import { OAuthError } from '../protocol/oauth-error.ts';
import { localTime } from './local-time.ts';

export interface LedgerParts {
  readonly config: Config;
  readonly url: string;
  readonly shift: (() => number) | undefined;
  /** Repeats what the database was too slow for. */
  readonly patiently: <Result>(step: () => Promise<Result>) => Promise<Result>;
  readonly logger: Logger;
}

/** @throws Error naming the remedy where the database is not what a broker needs. */
export const openLedger = async ({
  config,
  url,
  shift,
  patiently,
  logger,
}: LedgerParts): Promise<PostgresLedger> => {
  const ledger = openPostgresLedger({
    url,
    onConnectionError: (error) => logger.warn({ err: error }, 'a database connection broke'),
    localTime,
    ...(shift && { shift }),
  });
  try {
    await patiently(ledger.clock.synchronise).catch((error: unknown) => {
      throw notAsItMust(error);
    });
    const excess = await patiently(ledger.excessPrivileges);
    if (excess.length > 0) throw tooPowerful(excess);
  } catch (error) {
    await ledger.close();
    throw error;
  }
  logger.debug({ home: config.home }, 'ledger open');
  return ledger;
};

const notAsItMust = (error: unknown): Error =>
  new Error(
    'the database does not answer as it must: check DATABASE_URL, run daypass migrate, and connect as a member ' +
      `of daypass_app; daypass doctor says which of these it is (${detailOf(error)})`,
    { cause: error },
  );

const tooPowerful = (excess: readonly string[]): Error =>
  new Error(
    `the database role may ${excess.join(' and ')} audit events: run daypass migrate, and connect as a member of daypass_app`,
  );

const detailOf = (error: unknown): string =>
  error instanceof OAuthError ? (error.detail ?? error.message) : String(error);
