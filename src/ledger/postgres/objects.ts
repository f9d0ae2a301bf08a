import type { Objects } from '../ledger.ts';
import type { Database } from './client.ts';
import { orUnavailable, promptly } from './failure.ts';
import { COLUMNS, fromRow, many, type ObjectRow, one } from './object-rows.ts';
import { createObjectSteps } from './object-steps.ts';
import type { Statements } from './statements.ts';
import { createWhereabouts } from './whereabouts.ts';

export const createObjects = (database: Database, statements: Statements): Objects => ({
  ...createObjectSteps(statements),
  ...createWhereabouts(database),

  find: (objectId) => one(database.storedObject.findUnique({ where: { objectId } })),

  findByKey: (bucketId, key) =>
    one(database.storedObject.findUnique({ where: { bucketId_key: { bucketId, key } } })),

  // Not the client's `startsWith`: to its LIKE a prefix with `_` or `%` in it is a pattern.
  list: (bucketId, keyPrefixes, { limit, after = '' }) =>
    many(
      database.$queryRaw<ObjectRow[]>`
        SELECT ${COLUMNS} FROM stored_object
        WHERE bucket_id = ${bucketId} AND status = 'available' AND object_id > ${after}
          AND EXISTS (SELECT FROM unnest(${[...keyPrefixes]}::text[]) AS prefix WHERE starts_with(key, prefix))
        ORDER BY object_id LIMIT ${limit}`,
    ),

  lease: (now, leaseUntil, limit) =>
    promptly(async () => {
      const rows = await database.$queryRaw<ObjectRow[]>`
        UPDATE stored_object SET status = 'validating', lease_until = ${leaseUntil}::timestamptz
        WHERE object_id IN (
          SELECT object_id FROM stored_object
          WHERE status = 'uploaded'
            OR (status = 'validating' AND (lease_until IS NULL OR lease_until <= ${now}::timestamptz))
          ORDER BY object_id LIMIT ${limit} FOR UPDATE SKIP LOCKED)
        RETURNING ${COLUMNS}`;
      return rows.map(fromRow);
    }),

  pending: ({ limit, after = '' }) =>
    many(
      database.storedObject.findMany({
        where: { status: 'pending', objectId: { gt: after } },
        orderBy: { objectId: 'asc' },
        take: limit,
      }),
    ),

  stale: (now, limit) =>
    many(
      database.storedObject.findMany({
        where: {
          stagingGoneAt: null,
          uploadExpiresAt: { lt: now },
          OR: [
            { status: { in: ['available', 'expired', 'deleted'] } },
            // Not before what nobody may read lies elsewhere.
            { status: { in: ['rejected', 'quarantined'] }, apartAt: { not: null } },
          ],
        },
        orderBy: { uploadExpiresAt: 'asc' },
        take: limit,
      }),
    ),

  forgetStaging: (objectId, at) =>
    orUnavailable(async () => {
      await database.storedObject.update({ where: { objectId }, data: { stagingGoneAt: at } });
    }),

  renew: (objectIds, leaseUntil) =>
    orUnavailable(async () => {
      await database.storedObject.updateMany({
        where: { objectId: { in: [...objectIds] }, status: 'validating' },
        data: { leaseUntil },
      });
    }),

  postpone: (objectId, until, report) =>
    orUnavailable(async () => {
      await database.$executeRaw`
        UPDATE stored_object SET lease_until = ${until}::timestamptz, report = ${JSON.stringify(report)}::jsonb,
          attempts = coalesce(attempts, 0) + 1
        WHERE object_id = ${objectId} AND status = 'validating'`;
    }),

  search: ({ tenantId, bucketId, appId, userId, status }, { limit, after }) =>
    many(
      database.storedObject.findMany({
        where: {
          ...(tenantId === undefined ? {} : { tenantId }),
          ...(bucketId === undefined ? {} : { bucketId }),
          ...(appId === undefined ? {} : { appId }),
          ...(userId === undefined ? {} : { userId }),
          ...(status === undefined ? {} : { status }),
          ...(after === undefined ? {} : { objectId: { lt: after } }),
        },
        orderBy: { objectId: 'desc' },
        take: limit,
      }),
    ),
});
