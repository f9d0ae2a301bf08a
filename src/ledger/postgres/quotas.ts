import type { QuotaClaim, Quotas } from '../ledger.ts';
import type { Database } from './client.ts';
import { promptly } from './failure.ts';
import { Prisma } from './generated/client.ts';

/**
 * Sliding windows from two counters: what was used in this window, and the share of the one before
 * that still lies within `windowSeconds`. Errs by at most that share's unevenness.
 */
export const createQuotas = (database: Database): Quotas => ({
  take: (claim) =>
    promptly(async () => {
      if (claim.amount > claim.limit)
        return { taken: false, remaining: 0, retryAfter: claim.windowSeconds };
      const { start, share, expires } = windowOf(claim);
      const before = Math.floor(start.getTime() / 1000) - claim.windowSeconds;
      const [row] = await database.$queryRaw<{ used: bigint; before: bigint }[]>`
        INSERT INTO quota_counter AS q (id, window_start, used, before, expires_at)
        VALUES (${claim.id}, ${start}::timestamptz, ${claim.amount}::bigint, 0, ${expires}::timestamptz)
        ON CONFLICT (id) DO UPDATE SET
          used = ${claim.amount}::bigint + CASE WHEN q.window_start >= excluded.window_start THEN q.used ELSE 0 END,
          before = CASE WHEN q.window_start >= excluded.window_start THEN q.before
            WHEN extract(epoch FROM q.window_start) = ${before}::bigint THEN q.used ELSE 0 END,
          window_start = greatest(q.window_start, excluded.window_start),
          expires_at = greatest(q.expires_at, excluded.expires_at)
        WHERE ${claim.amount}::bigint + CASE
            WHEN q.window_start >= excluded.window_start THEN q.used + q.before * ${share}::float8
            WHEN extract(epoch FROM q.window_start) = ${before}::bigint THEN q.used * ${share}::float8
            ELSE 0 END <= ${claim.limit}::bigint
        RETURNING used, before`;
      if (!row) return { taken: false, remaining: 0, retryAfter: await wait(database, claim) };
      const used = Number(row.used) + Number(row.before) * share;
      return { taken: true, remaining: Math.max(0, Math.floor(claim.limit - used)), retryAfter: 0 };
    }),

  refund: (claim) =>
    promptly(async () => {
      await database.$executeRaw(
        giveBack(Prisma.sql`SELECT ${claim.id} AS id, ${claim.windowSeconds}::int AS window_seconds,
          ${claim.amount}::bigint AS amount, ${claim.now}::timestamptz AS taken_at`),
      );
    }),
});

/**
 * Gives back what was taken, to the window it was taken from: what has slid out of sight is gone anyway.
 *
 * @param taken rows of `id`, `window_seconds`, `amount` and `taken_at`, each counter once.
 */
export const giveBack = (taken: Prisma.Sql): Prisma.Sql => Prisma.sql`
  UPDATE quota_counter AS q SET
    used = CASE WHEN t.taken_at >= q.window_start THEN greatest(0, q.used - t.amount) ELSE q.used END,
    before = CASE WHEN t.taken_at >= q.window_start THEN q.before ELSE greatest(0, q.before - t.amount) END
  FROM (${taken}) AS t
  WHERE q.id = t.id AND t.taken_at >= q.window_start - make_interval(secs => t.window_seconds)`;

const windowOf = ({ now, windowSeconds }: QuotaClaim) => {
  const size = windowSeconds * 1000;
  const startMs = Math.floor(now.getTime() / size) * size;
  return {
    start: new Date(startMs),
    share: 1 - (now.getTime() - startMs) / size,
    expires: new Date(startMs + 2 * size),
  };
};

/** Seconds until the amount fits, if nothing else is taken meanwhile. */
const wait = async (database: Database, claim: QuotaClaim): Promise<number> => {
  const { start, share } = windowOf(claim);
  const earlier = new Date(start.getTime() - claim.windowSeconds * 1000);
  const [row] = await database.$queryRaw<{ used: bigint; before: bigint }[]>`
    SELECT CASE WHEN window_start >= ${start}::timestamptz THEN used ELSE 0 END AS used,
      CASE WHEN window_start >= ${start}::timestamptz THEN before ELSE used END AS before
    FROM quota_counter WHERE id = ${claim.id} AND window_start >= ${earlier}::timestamptz`;
  const [used, before] = [Number(row?.used ?? 0), Number(row?.before ?? 0)];
  const room = claim.limit - claim.amount;
  // What is used in this window leaves in the course of the next one, what is from before in this one.
  const windows =
    used <= room ? share - (room - used) / Math.max(1, before) : share + 1 - room / used;
  return Math.max(1, Math.ceil(windows * claim.windowSeconds));
};
