import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';
import { sqlState } from '../ledger/postgres/failure.ts';
import { OAuthError } from '../protocol/oauth-error.ts';

/** Milliseconds: what is started together, such as a database beside its broker, is there within this. */
const PATIENCE = 30_000;
const FIRST_PAUSE = 250;
const LONGEST_PAUSE = 4_000;

export interface AwaitDatabase {
  /** Host and port at most: a database URL holds a password. */
  readonly where: string;
  readonly logger: Pick<Logger, 'warn'>;
  /** Milliseconds, monotonic. */
  readonly elapsed: () => number;
  readonly wait?: (milliseconds: number) => Promise<unknown>;
}

/**
 * Asks the database until it answers: one that is slow, restarting or not yet there is waited for. A step that
 * asks several times is begun anew, so it must bear that.
 *
 * What time does not mend fails at once: a wrong password, a role or database that does not exist, a schema
 * that was not migrated.
 *
 * @throws what `ask` last rejected with.
 */
export const awaitDatabase = async <Result>(
  ask: () => Promise<Result>,
  { where, logger, elapsed, wait = pause }: AwaitDatabase,
): Promise<Result> => {
  const end = elapsed() + PATIENCE;
  for (let next = FIRST_PAUSE; ; next = Math.min(next * 2, LONGEST_PAUSE)) {
    try {
      return await ask();
    } catch (error) {
      const left = Math.ceil((end - elapsed()) / 1000);
      if (!mayPass(error) || left <= 0) throw error;
      logger.warn({ database: where, secondsLeft: left }, 'waiting for the database to answer');
      await wait(Math.min(next, left * 1000));
    }
  }
};

/** SQLSTATE classes 08 (connection), 53 (resources) and 57 (starting up, shutting down); none: no server yet. */
const mayPass = (error: unknown): boolean =>
  error instanceof OAuthError &&
  error.code === 'temporarily_unavailable' &&
  /^(08|53|57)/.test(sqlState(error) ?? '08');

/** Where a database is, without who connects and with what. */
export const whereabouts = (url: string): string => {
  const { hostname = '', port = '' } = URL.parse(url) ?? {};
  return `${hostname}:${port === '' ? '5432' : port}`;
};
