import type { Database } from './client.ts';
import { orUnavailable } from './failure.ts';

/** How long a row is kept after it can no longer matter, in case clocks disagree. */
const GRACE_MS = 60_000;
/** Rows a statement deletes at most, so that it holds its locks for milliseconds. */
const BATCH = 1_000;

/** Deletes what has expired and proves nothing: replay ids, bindings, artefacts, refresh tokens, counters. Returns how many. */
export const purgeExpired = (database: Database, now: Date): Promise<number> =>
  orUnavailable(async () => {
    const before = new Date(now.getTime() - GRACE_MS);
    const counts = [
      await database.$executeRaw`DELETE FROM replay WHERE id IN
        (SELECT id FROM replay WHERE expires_at < ${before}::timestamptz LIMIT ${BATCH})`,
      await database.$executeRaw`DELETE FROM sign_in_binding WHERE token_hash IN
        (SELECT token_hash FROM sign_in_binding WHERE expires_at < ${before}::timestamptz LIMIT ${BATCH})`,
      await database.$executeRaw`DELETE FROM oidc_artifact WHERE ctid = ANY (ARRAY
        (SELECT ctid FROM oidc_artifact WHERE expires_at < ${before}::timestamptz LIMIT ${BATCH}))`,
      await database.$executeRaw`WITH ended AS (
          DELETE FROM refresh_family WHERE family_id IN
            (SELECT family_id FROM refresh_family WHERE expires_at < ${before}::timestamptz LIMIT ${BATCH})
          RETURNING family_id
        ) DELETE FROM refresh_token WHERE family_id IN (SELECT family_id FROM ended)`,
      await database.$executeRaw`DELETE FROM quota_counter WHERE id IN
        (SELECT id FROM quota_counter WHERE expires_at < ${before}::timestamptz LIMIT ${BATCH})`,
    ];
    return counts.reduce((total, count) => total + count, 0);
  });
