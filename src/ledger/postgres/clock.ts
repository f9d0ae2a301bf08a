import type { Database } from './client.ts';
import { orUnavailable } from './failure.ts';

/** One clock, and it is Postgres's (law 8): this process's time corrected by the offset last measured. */
export interface LedgerClock {
  now(): Date;
  /** Measures the offset again. */
  synchronise(): Promise<void>;
}

/**
 * @param local this process's own time, epoch milliseconds; monotonic.
 * @param shift milliseconds to add to the database's time: tests move time, nothing else does.
 */
export const createClock = (
  database: Database,
  local: () => number,
  shift: () => number,
): LedgerClock => {
  let offset = 0;
  return {
    now: () => new Date(Math.round(local() + offset + shift())),
    synchronise: () =>
      orUnavailable(async () => {
        let shortest = Number.POSITIVE_INFINITY;
        for (let tries = 0; tries < SAMPLES; tries += 1) {
          const before = local();
          // The one place where the database's own time is asked for.
          const [row] = await database.$queryRaw<{ epoch: number }[]>`
            SELECT extract(epoch FROM clock_timestamp())::float8 * 1000 AS epoch`;
          const after = local();
          if (!row || after - before >= shortest) continue;
          shortest = after - before;
          offset = row.epoch - (before + after) / 2;
        }
      }),
  };
};

/** The one that took the least time errs the least, as in NTP (RFC 5905 §10): the first may have had to connect. */
const SAMPLES = 3;
