import type { Objects } from '../ledger.ts';
import type { Stray, UnderWay } from '../placements.ts';
import type { Database } from './client.ts';
import { orUnavailable } from './failure.ts';
import { fromRow } from './object-rows.ts';

/** Where the bytes of settled objects lie, and where they should. */
export const createWhereabouts = (
  database: Database,
): Pick<Objects, 'misplaced' | 'placed' | 'strays' | 'underWay'> => ({
  // Each with a limit of its own: however many are to be deleted, what is withheld does not wait for them.
  misplaced: (now, leaseUntil, rejectedBefore, limit) =>
    orUnavailable(async () => {
      const rows = await database.$queryRaw<{ object_id: string }[]>`
        WITH withheld AS (
          SELECT object_id FROM stored_object
          WHERE bytes_gone_at IS NULL AND (lease_until IS NULL OR lease_until <= ${now}::timestamptz)
            AND (status IN ('rejected', 'quarantined') AND apart_at IS NULL
              OR status = 'available' AND apart_at IS NOT NULL
              OR status = 'rejected' AND apart_at < ${rejectedBefore}::timestamptz)
          ORDER BY object_id LIMIT ${limit} FOR UPDATE SKIP LOCKED
        ), deleted AS (
          SELECT object_id FROM stored_object
          WHERE bytes_gone_at IS NULL AND (lease_until IS NULL OR lease_until <= ${now}::timestamptz)
            AND status = 'deleted'
          ORDER BY lease_until NULLS FIRST LIMIT ${limit} FOR UPDATE SKIP LOCKED
        )
        UPDATE stored_object SET lease_until = ${leaseUntil}::timestamptz
        WHERE object_id IN (SELECT object_id FROM withheld UNION ALL SELECT object_id FROM deleted)
        RETURNING object_id`;
      const ids = rows.map((row) => row.object_id);
      const found = await database.storedObject.findMany({ where: { objectId: { in: ids } } });
      return found.map(fromRow);
    }),

  underWay: (now) =>
    orUnavailable(
      () => database.$queryRaw<UnderWay[]>`
        SELECT status, coalesce(uploads, 0) AS uploads,
          coalesce(greatest(extract(epoch FROM ${now}::timestamptz - since), 0), 0)::float8 AS oldest
        FROM (VALUES ('pending'), ('uploaded'), ('validating')) AS passing (status)
        LEFT JOIN (
          SELECT status, count(*)::int AS uploads, min(created_at) AS since FROM stored_object
          WHERE status IN ('pending', 'uploaded', 'validating') GROUP BY status
        ) AS counted USING (status)`,
    ),

  // The second segment of a staging key is the upload's id, by which it is found.
  strays: (stagingKeys) =>
    orUnavailable(
      () => database.$queryRaw<Stray[]>`
        SELECT asked.staging_key AS "stagingKey", o.object_id IS NOT NULL AS "isLate"
        FROM unnest(${[...stagingKeys]}::text[]) AS asked (staging_key)
        LEFT JOIN stored_object AS o ON o.object_id = split_part(asked.staging_key, '/', 2) AND o.staging_key = asked.staging_key
        WHERE o.object_id IS NULL OR o.staging_gone_at IS NOT NULL`,
    ),

  placed: (objectId, status, where) =>
    orUnavailable(async () => {
      const which = { objectId, status, ...(where.bytes === 'not_at_home' && { apartAt: null }) };
      await database.storedObject.updateMany({ where: which, data: dataOf(where) });
    }),
});

const dataOf = (where: Parameters<Objects['placed']>[2]) => {
  switch (where.bytes) {
    case 'apart':
      return { apartAt: where.since, bytesGoneAt: null, leaseUntil: null };
    case 'nowhere':
      return { apartAt: where.since, bytesGoneAt: where.since, leaseUntil: null };
    case 'not_at_home':
      return { bytesGoneAt: where.since, leaseUntil: null };
    case 'at_home':
      return { apartAt: null, bytesGoneAt: null, revision: where.revision, leaseUntil: null };
    case 'at_home_too':
      return { revision: where.revision };
    case 'on_their_way':
      return { apartAt: null, bytesGoneAt: null, leaseUntil: where.until };
  }
};
