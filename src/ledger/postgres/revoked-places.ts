import type { LockTarget } from '../records.ts';
import type { RevocationEvent } from '../revocation-feed.ts';
import { LIST_SIZE } from '../status-lists.ts';
import type { Database } from './client.ts';
import { orUnavailable } from './failure.ts';
import { Prisma } from './generated/client.ts';

/** What status lists ask the database for. */
export interface RevokedPlaces {
  /** When a token ends that has its place in the list; undefined where none is alive. */
  someEnd(list: number, now: Date): Promise<Date | undefined>;
  /** The revocations that may have killed a living token of the list. */
  revocationsSince(list: number, now: Date): Promise<readonly Revoked[]>;
  /** Places of the living tokens that these have killed: all in `lists`, and perhaps some in others. */
  killedBy(revoked: readonly Revoked[], lists: ListRange, now: Date): Promise<readonly number[]>;
}

export type Revoked = Pick<RevocationEvent, 'target' | 'effectiveAt'>;

/** Lists from one to before another. */
export interface ListRange {
  readonly from: number;
  readonly to: number;
}

export const createRevokedPlaces = (database: Database): RevokedPlaces => ({
  someEnd: (list, now) =>
    orUnavailable(async () => {
      // From the newest places on: in a list that is in use the first that is looked at is alive.
      const [row] = await database.$queryRaw<{ expires_at: Date }[]>`
        SELECT expires_at FROM issued_token AS t
        WHERE ${isIn({ from: list, to: list + 1 })} AND expires_at > ${now}::timestamptz
        ORDER BY status_index DESC LIMIT 1`;
      return row?.expires_at;
    }),

  revocationsSince: (list, now) =>
    orUnavailable(async () => {
      // OFFSET 0: looked for in the list, not from the oldest of all tokens on.
      const rows = await database.$queryRaw<{ target: LockTarget; effective_at: Date }[]>`
        SELECT target, max(effective_at) AS effective_at FROM revocation_event
        WHERE NOT lifted AND effective_at >= (
          SELECT min(issued_at) FROM (
            SELECT issued_at FROM issued_token AS t
            WHERE ${isIn({ from: list, to: list + 1 })} AND expires_at > ${now}::timestamptz OFFSET 0
          ) AS alive
        ) GROUP BY target`;
      return rows.map(({ target, effective_at }) => ({ target, effectiveAt: effective_at }));
    }),

  killedBy: (revoked, lists, now) =>
    orUnavailable(async () => {
      const { broad = [], narrow = [] } = Object.groupBy(revoked, ({ target }) =>
        BROAD.test(target) ? 'broad' : 'narrow',
      );
      const found = [
        ...(narrow.length > 0 ? await database.$queryRaw<Found[]>(byLineage(narrow, now)) : []),
        ...(broad.length > 0 ? await database.$queryRaw<Found[]>(byPlace(broad, lists, now)) : []),
      ];
      return found.flatMap(({ places }) => places ?? []);
    }),
});

interface Found {
  readonly places: readonly number[] | null;
}

/** What most tokens descend from, the dead as well as the living: it is looked for among the living alone. */
const BROAD = /^(?:issuer|tenant|key):/;

const isIn = ({ from, to }: ListRange): Prisma.Sql => Prisma.sql`
  t.status_index >= ${from * LIST_SIZE}::bigint AND t.status_index < ${to * LIST_SIZE}::bigint`;

/** As `isRevoked` has it. */
const IS_KILLED = Prisma.sql`(r.target LIKE 'token:%' OR r.effective_at >= t.issued_at)`;

const rowsOf = (revoked: readonly Revoked[]): Prisma.Sql => Prisma.sql`
  unnest(${revoked.map(({ target }) => target)}::text[], ${revoked.map(({ effectiveAt }) => effectiveAt)}::timestamptz[])
    AS r(target, effective_at)`;

/** One by one, by the index on lineage: looked for all at once, each token's lineage is held against all of them. */
const byLineage = (revoked: readonly Revoked[], now: Date): Prisma.Sql => Prisma.sql`
  SELECT array_agg(t.status_index::float8) AS places FROM ${rowsOf(revoked)}, LATERAL (
    SELECT status_index, issued_at, expires_at FROM issued_token
    WHERE status_index IS NOT NULL AND lineage @> ARRAY[r.target] OFFSET 0
  ) AS t WHERE t.expires_at > ${now}::timestamptz AND ${IS_KILLED}`;

const byPlace = (revoked: readonly Revoked[], lists: ListRange, now: Date): Prisma.Sql =>
  Prisma.sql`
  SELECT array_agg(t.status_index::float8) AS places
  FROM issued_token AS t JOIN ${rowsOf(revoked)} ON r.target = ANY (t.lineage)
  WHERE ${isIn(lists)} AND t.expires_at > ${now}::timestamptz AND ${IS_KILLED}`;
