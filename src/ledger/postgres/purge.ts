import type { Database } from './client.ts';
import { orUnavailable } from './failure.ts';
import { releaseAbandoned } from './quotas.ts';

/** How long a row is kept after it can no longer matter, in case clocks disagree. */
const GRACE_MS = 60_000;
/** Rows a statement deletes at most, so that it holds its locks for milliseconds. */
const BATCH = 1_000;
/** Times that each is tried at most: every request with a proof leaves a row, some thousand a second. */
const ROUNDS = 100;

/** How long events of revocations are kept: nothing they could kill lives longer, and no follower stays away longer. */
const EVENTS_MS = 32 * 24 * 3600 * 1000;

/**
 * Deletes what has expired and proves nothing: replay ids, bindings, artefacts (sign-ins under way at an IdP among them),
 * refresh tokens, sessions of apps, counters, paces, old events of revocations. Returns how many.
 *
 * Locks stay: each is the receipt of a revocation, and while it is there what it killed is dead.
 */
export const purgeExpired = async (database: Database, now: Date): Promise<number> => {
  let total = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const counts = await purgeOnce(database, now);
    total += counts.reduce((sum, count) => sum + count, 0);
    if (counts.every((count) => count < BATCH)) break;
  }
  return total;
};

/** How many rows of each table went. */
const purgeOnce = (database: Database, now: Date): Promise<readonly number[]> =>
  orUnavailable(async () => {
    const before = new Date(now.getTime() - GRACE_MS);
    const eventsBefore = new Date(before.getTime() - EVENTS_MS);
    return [
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
      await database.$executeRaw`DELETE FROM app_session WHERE ctid = ANY (ARRAY
        (SELECT ctid FROM app_session WHERE expires_at < ${before}::timestamptz AND tell_at IS NULL LIMIT ${BATCH}))`,
      await database.$executeRaw`DELETE FROM quota_counter WHERE id IN
        (SELECT id FROM quota_counter WHERE expires_at < ${before}::timestamptz LIMIT ${BATCH})`,
      await database.$executeRaw`DELETE FROM request_pace WHERE ctid = ANY (ARRAY
        (SELECT ctid FROM request_pace WHERE due < ${before}::timestamptz LIMIT ${BATCH}))`,
      await releaseAbandoned(database, before, BATCH),
      // As long as a receipt may still have to count them: the audit trail keeps that they were lent.
      await database.$executeRaw`DELETE FROM cloud_credential WHERE credential_id IN
        (SELECT credential_id FROM cloud_credential WHERE expires_at < ${eventsBefore}::timestamptz LIMIT ${BATCH})`,
      // What is left of them is the object, if anything: whoever asks for one that ended is told by its status.
      await database.$executeRaw`DELETE FROM part_upload WHERE object_id IN
        (SELECT object_id FROM part_upload WHERE ended_at < ${eventsBefore}::timestamptz LIMIT ${BATCH})`,
      // Never the newest: positions are counted on from it, and a follower waits for what comes after its own.
      await database.$executeRaw`DELETE FROM revocation_event
        WHERE position IN (SELECT position FROM revocation_event ORDER BY position LIMIT ${BATCH})
          AND position < (SELECT max(position) FROM revocation_event)
          AND effective_at < ${eventsBefore}::timestamptz`,
    ];
  });
