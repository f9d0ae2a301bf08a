import { unavailable } from '../../protocol/oauth-error.ts';
import { randomFrom } from '../../protocol/random.ts';
import type { StatusPlaces } from '../status-lists.ts';
import type { Database } from './client.ts';
import { promptly } from './failure.ts';

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
