import { OAuthError, unavailable } from '../../protocol/oauth-error.ts';

/** The SQLSTATE of a failed statement, where the server got as far as giving one. */
export const sqlState = (error: unknown): string | undefined => {
  for (let cause: unknown = error, depth = 0; isRecord(cause) && depth < 6; depth += 1) {
    const code = cause.originalCode ?? cause.code;
    if (typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && !/^P\d{4}$/.test(code))
      return code;
    cause = isRecord(cause.meta) ? (cause.meta.driverAdapterError ?? cause.cause) : cause.cause;
  }
  return undefined;
};

/** Data that no column takes, or a constraint broken: the statement was rolled back for its own contents. */
export const isDataFault = (error: unknown): boolean => /^2[23]/.test(sqlState(error) ?? '');

/**
 * Whatever goes wrong with the database is answered 503: nothing was issued (law 1).
 * Refusals pass through unchanged.
 */
export const asUnavailable = (error: unknown): OAuthError =>
  error instanceof OAuthError
    ? error
    : unavailable(
        `database: ${sqlState(error) ?? (error instanceof Error ? error.name : 'unknown')}`,
        error,
      );

/** Runs `work` so that it rejects with `temporarily_unavailable` alone. */
export const orUnavailable = async <Result>(work: () => Promise<Result>): Promise<Result> => {
  try {
    return await work();
  } catch (error) {
    throw asUnavailable(error);
  }
};

/** Milliseconds. A request that waits longer for the database is told to come back. */
export const PATIENCE = 1_000;

export const tooLate = (): OAuthError => unavailable('database: no answer in time');

/**
 * As `orUnavailable`, for work that a caller waits for: a database that hangs is as good as one that is
 * down. What was begun may still take effect there, unheard; so a write must do no harm then, such as a
 * credential on record that nobody was shown.
 */
export const promptly = <Result>(work: () => Promise<Result>): Promise<Result> =>
  orUnavailable(() => {
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    const late = setTimeout(() => reject(tooLate()), PATIENCE);
    void work()
      .then(resolve, reject)
      .finally(() => clearTimeout(late));
    return promise;
  });

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;
