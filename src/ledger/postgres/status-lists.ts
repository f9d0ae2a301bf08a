import { unavailable } from '../../protocol/oauth-error.ts';
import { randomFrom } from '../../protocol/random.ts';
import { LIST_SIZE, type StatusLists, type StatusPlaces } from '../status-lists.ts';
import type { Database } from './client.ts';
import { orUnavailable, promptly } from './failure.ts';

export const createStatusLists = (database: Database, now: () => Date): StatusLists => ({
  revokedIn: (list) =>
    orUnavailable(async () => {
      const from = list * LIST_SIZE;
      const [row] = await database.$queryRaw<{ alive: boolean; revoked: bigint[] | null }[]>`
        WITH alive AS MATERIALIZED (
          SELECT status_index, lineage, issued_at FROM issued_token
          WHERE status_index >= ${from}::bigint AND status_index < ${from + LIST_SIZE}::bigint
            AND expires_at > ${now()}::timestamptz
        ), locked AS MATERIALIZED (
          SELECT target, max(effective_at) AS effective_at FROM revocation_event
          WHERE NOT lifted AND effective_at >= (SELECT min(issued_at) FROM alive) GROUP BY target
        ), keys AS MATERIALIZED (
          -- Apart, so that both are read once: joined to each token's own, all locks are read for each token.
          SELECT status_index, issued_at, key FROM alive, unnest(lineage) AS key
        )
        SELECT EXISTS (SELECT FROM alive) AS alive, (
          SELECT array_agg(DISTINCT k.status_index) FROM keys AS k JOIN locked AS l ON l.target = k.key
          WHERE l.target LIKE 'token:%' OR l.effective_at >= k.issued_at
        ) AS revoked`;
      if (row?.alive !== true) return undefined;
      return (row.revoked ?? []).map((index) => Number(index) - from);
    }),
});

/** Places that one round trip takes: some seconds of issuing at full speed. */
const BLOCK = 2_048;

/**
 * Blocks of places, each given to one instance alone. Places of a block are used in no order: two tokens that
 * were issued together cannot be told by theirs.
 */
export const createStatusPlaces = (database: Database): StatusPlaces => {
  const places: number[] = [];
  let taking: Promise<void> | undefined;

  const takeBlock = async (): Promise<void> => {
    const [row] = await promptly(
      () =>
        database.$queryRaw<
          { block: bigint }[]
        >`SELECT nextval('status_index_block')::bigint AS block`,
    );
    if (!row) throw unavailable('status places: none were given');
    const first = Number(row.block) * BLOCK;
    places.unshift(...shuffled(Array.from({ length: BLOCK }, (_, place) => first + place)));
  };

  const refill = (): Promise<void> => {
    taking ??= takeBlock().finally(() => {
      taking = undefined;
    });
    return taking;
  };

  return {
    refill,
    take: () => {
      const place = places.pop();
      // What fails here is tried again by the next that takes one.
      if (places.length < BLOCK / 2) refill().catch(() => undefined);
      if (place === undefined) throw unavailable('status places: none are left');
      return place;
    },
  };
};

/** Fisher and Yates. */
const shuffled = (items: number[]): number[] => {
  const random = randomFrom(4 * items.length);
  for (let last = items.length - 1; last > 0; last -= 1) {
    const other = random.readUInt32BE(4 * last) % (last + 1);
    [items[last], items[other]] = [items[other] as number, items[last] as number];
  }
  return items;
};
