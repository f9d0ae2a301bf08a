import { unavailable } from '../../protocol/oauth-error.ts';
import { createGroupCommit } from '../group-commit.ts';
import type { QuotaClaim, Quotas, Shortage } from '../ledger.ts';
import type { Database } from './client.ts';
import { isDataFault, orUnavailable, PATIENCE, promptly, tooLate } from './failure.ts';
import { Prisma } from './generated/client.ts';
import type { Statement, Statements } from './statements.ts';

/** A hold may end at any moment, with its object: it is worth asking again this soon. Seconds. */
const HOLD_WAIT = 60;

const TAKE: Statement = { name: 'take quotas', text: 'SELECT take_quotas_3($1::jsonb) AS short' };

/** All that one upload or exchange takes, or nothing. */
interface Wanted {
  readonly claims: readonly QuotaClaim[];
  readonly now: Date;
}

/**
 * Sliding windows from two counters: what was used in this window, and the share of the one before
 * that still lies within `windowSeconds`. Errs by at most that share's unevenness.
 */
export const createQuotas = (database: Database, statements: Statements): Quotas => {
  const take = createGroupCommit<Wanted, readonly Shortage[]>({
    write: async (wanted) => {
      const [row] = await statements.run<{ short: readonly (readonly Short[])[] }>(TAKE, [
        JSON.stringify(wanted.map(toAsked)),
      ]);
      return (row?.short ?? []).map((short, place) => shortagesOf(wanted[place], short));
    },
    isItemsFault: isDataFault,
    maxItems: 64,
    maxInFlight: 2,
    maxWaiting: 2_000,
    overload: () => unavailable('queue for limits is full'),
    patience: PATIENCE,
    late: tooLate,
  });
  return {
    take: async (claims, now) =>
      claims.length === 0 ? [] : orUnavailable(() => take({ claims, now })),
    ...createRefunds(database),
  };
};

const toAsked = ({ claims, now }: Wanted): object => ({
  claims: claims.map((claim, place) => toElement(claim, place, now)),
  at: now,
});

const shortagesOf = (wanted: Wanted | undefined, shorts: readonly Short[]): readonly Shortage[] =>
  shorts.flatMap((short): Shortage[] => {
    const claim = wanted?.claims[short.place];
    return wanted && claim ? [{ claim, retryAfter: wait(claim, short, wanted.now) }] : [];
  });

const createRefunds = (database: Database): Pick<Quotas, 'refund' | 'forgo'> => ({
  refund: (claims, takenAt) =>
    promptly(async () => {
      const returned = JSON.stringify(
        claims.map(({ id, windowSeconds, amount }) => ({
          id,
          window_seconds: windowSeconds,
          amount,
        })),
      );
      await database.$executeRaw(
        giveBack(Prisma.sql`SELECT id, window_seconds, amount, ${takenAt}::timestamptz AS taken_at
          FROM jsonb_to_recordset(${returned}::jsonb) AS r(id text, window_seconds int, amount bigint)`),
      );
    }),

  forgo: (objectId) => promptly(() => releaseHolds(database, objectId)),
});

/** Lets go of what an upload held that is not, or no longer, under way. What never came on record is given back. */
const releaseHolds = async (database: Database, objectId: string): Promise<void> => {
  await database.$executeRaw`
    WITH object AS (SELECT status FROM stored_object WHERE object_id = ${objectId}),
    released AS (
      DELETE FROM quota_hold WHERE object_id = ${objectId}
        AND NOT EXISTS (SELECT FROM object WHERE status IN ('pending', 'uploaded', 'validating'))
      RETURNING counter_id AS id, window_seconds, amount, taken_at
    ) ${giveBack(Prisma.sql`
      SELECT * FROM released WHERE taken_at IS NOT NULL AND NOT EXISTS (SELECT FROM object)`)}`;
};

/**
 * Gives back what up to `limit` uploads took that were to be on record by `before`, and are not: whoever took it died, or
 * never learnt that its commit had failed.
 *
 * @returns how many.
 */
export const releaseAbandoned = async (
  database: Database,
  before: Date,
  limit: number,
): Promise<number> => {
  const abandoned = await database.$queryRaw<{ readonly object_id: string }[]>`
    SELECT DISTINCT object_id FROM quota_hold AS h
    WHERE until < ${before}::timestamptz AND NOT EXISTS (
      SELECT FROM stored_object AS o
      WHERE o.object_id = h.object_id AND o.status IN ('pending', 'uploaded', 'validating'))
    LIMIT ${limit}`;
  for (const { object_id: objectId } of abandoned) await releaseHolds(database, objectId);
  return abandoned.length;
};

/**
 * Gives back what was taken, to the window it was taken from: what has slid out of sight is gone anyway.
 * Counters are locked in the order in which `take_quotas_3` locks them.
 *
 * @param taken rows of `id`, `window_seconds`, `amount` and `taken_at`, each counter once.
 */
const giveBack = (taken: Prisma.Sql): Prisma.Sql => Prisma.sql`
  UPDATE quota_counter AS q SET
    used = CASE WHEN t.taken_at >= q.window_start THEN greatest(0, q.used - t.amount) ELSE q.used END,
    before = CASE WHEN t.taken_at >= q.window_start THEN q.before ELSE greatest(0, q.before - t.amount) END
  FROM (
    SELECT locked.id, given.window_seconds, given.amount, given.taken_at
    FROM quota_counter AS locked JOIN (${taken}) AS given ON given.id = locked.id
    ORDER BY locked.id COLLATE "C" FOR UPDATE OF locked
  ) AS t
  WHERE q.id = t.id AND t.taken_at >= q.window_start - make_interval(secs => t.window_seconds)`;

/** One that does not fit, as the function tells it. */
interface Short {
  readonly place: number;
  readonly used: number;
  readonly before: number;
  readonly free_at?: string;
}

const toElement = (claim: QuotaClaim, place: number, now: Date): object => {
  const { id, limit, amount, windowSeconds, hold } = claim;
  const asked = { place, id, limit, amount, until: hold?.until };
  if (windowSeconds === 0) {
    // Its row is there to be locked: the holds are what counts.
    const window = { window_start: new Date(0), expires_at: hold?.until ?? now };
    return { ...asked, ...window, object_id: hold?.objectId };
  }
  const { start, share, expires } = windowOf(claim, now);
  const window = { window_start: start, expires_at: expires, window_seconds: windowSeconds, share };
  return { ...asked, ...window, held_for: hold?.objectId };
};

const windowOf = ({ windowSeconds }: QuotaClaim, now: Date) => {
  const size = windowSeconds * 1000;
  const startMs = Math.floor(now.getTime() / size) * size;
  return {
    start: new Date(startMs),
    share: 1 - (now.getTime() - startMs) / size,
    expires: new Date(startMs + 2 * size),
  };
};

const wait = (claim: QuotaClaim, { used, before, free_at }: Short, now: Date): number => {
  const { windowSeconds } = claim;
  const room = claim.limit - claim.amount;
  if (windowSeconds === 0) {
    const untilFree =
      free_at === undefined ? HOLD_WAIT : (Date.parse(free_at) - now.getTime()) / 1000;
    return Math.max(1, Math.min(HOLD_WAIT, Math.ceil(untilFree)));
  }
  if (room < 0) return windowSeconds;
  const { share } = windowOf(claim, now);
  // What is used in this window leaves in the course of the next one, what is from before in this one.
  const windows =
    used <= room ? share - (room - used) / Math.max(1, before) : share + 1 - room / used;
  return Math.max(1, Math.ceil(windows * windowSeconds));
};
