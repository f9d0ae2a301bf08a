import { unavailable } from '../../protocol/oauth-error.ts';
import type { Paces, Passage } from '../paces.ts';
import type { Database } from './client.ts';
import { promptly } from './failure.ts';

export const createPaces = (database: Database): Paces => ({
  pass: ({ id, interval, tolerance }, now) =>
    promptly(async () => {
      const [row] = await database.$queryRaw<Passage[]>`
        SELECT passed, due FROM pass_pace_1(
          ${id}, ${interval}::float8, ${tolerance}::float8, ${now}::timestamptz)`;
      if (!row) throw unavailable('database: no passage');
      return row;
    }),
});
