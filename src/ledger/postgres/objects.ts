import type { Objects, StepRefusal } from '../ledger.ts';
import { insertAudit } from './audit-trail.ts';
import type { Database } from './client.ts';
import { orUnavailable } from './failure.ts';
import { Prisma } from './generated/client.ts';
import { NOBODY, refusalOf } from './holder.ts';
import { COLUMNS, fromRow, many, type ObjectRow, one } from './object-rows.ts';
import { giveBack } from './quotas.ts';
import { createWhereabouts } from './whereabouts.ts';

export const createObjects = (database: Database): Objects => ({
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

  advance: ({
    objectId,
    from,
    to,
    at,
    reason,
    found,
    revision = found?.revision,
    report,
    audit,
    holder = NOBODY,
    despiteRevocation = false,
  }) =>
    orUnavailable(async () => {
      const keys = [...holder.keys];
      // Law 3: the lock comes in a statement of its own, so that the next one sees what it waited for.
      const wait = database.$executeRaw`
        SELECT pg_advisory_xact_lock_shared(k) FROM (
          SELECT DISTINCT hashtextextended(target, 0) AS k
          FROM stored_object AS o, unnest(o.lineage || ${keys}::text[]) AS target
          WHERE o.object_id = ${objectId} ORDER BY 1
        ) AS sorted`;
      // The event is written exactly when the step is taken: one statement for both.
      const step = database.$queryRaw<{ refusal: StepRefusal | null }[]>`
        WITH holder AS (SELECT ${refusalOf(holder)} AS refusal),
        step AS (
          UPDATE stored_object AS o SET
            status = ${to},
            reason = ${reason ?? null},
            size = coalesce(${found?.size ?? null}::bigint, o.size),
            sha256 = coalesce(${found?.sha256 ?? null}, o.sha256),
            content_type = coalesce(${found?.contentType ?? null}, o.content_type),
            revision = coalesce(${revision ?? null}, o.revision),
            report = coalesce(${report ? JSON.stringify(report) : null}::jsonb, o.report),
            attempts = CASE WHEN ${settles(to)}::boolean THEN NULL ELSE o.attempts END,
            apart_at = CASE WHEN ${to} = 'quarantined' THEN NULL
              WHEN ${to} IN ('available', 'deleted') AND o.status IN ('quarantined', 'rejected') THEN coalesce(o.apart_at, ${at}::timestamptz)
              ELSE o.apart_at END,
            lease_until = CASE WHEN ${to} = 'validating' THEN o.lease_until END,
            settled_at = CASE WHEN ${settles(to)}::boolean THEN ${at}::timestamptz ELSE o.settled_at END
          WHERE o.object_id = ${objectId} AND o.status = ANY (${[...from]}::text[])
            AND (SELECT refusal FROM holder) IS NULL
            AND (${to} <> 'available' OR ${despiteRevocation}::boolean OR NOT EXISTS (
              SELECT FROM lock AS l WHERE l.target = ANY (o.lineage)
                AND (l.target LIKE 'token:%' OR l.effective_at >= o.created_at)))
          RETURNING o.object_id, o.reserved, o.created_at
        ), returned AS (${giveBack(Prisma.sql`
          SELECT r.id, r.window_seconds, r.amount, step.created_at AS taken_at
          FROM step, jsonb_to_recordset(step.reserved) AS r(id text, window_seconds int, amount bigint)
          WHERE ${to} IN ('expired', 'rejected')`)}
        ), released AS (
          DELETE FROM quota_hold AS h USING step WHERE h.object_id = step.object_id AND ${settles(to)}::boolean
        ), written AS (${insertAudit(audit)} WHERE EXISTS (SELECT FROM step) RETURNING event_id)
        SELECT CASE WHEN NOT EXISTS (SELECT FROM step)
          THEN coalesce((SELECT refusal FROM holder), 'moved_on') END AS refusal`;
      const [, rows] = await database.$transaction([wait, step]);
      return rows[0] ? (rows[0].refusal ?? undefined) : 'moved_on';
    }),

  lease: (now, leaseUntil, limit) =>
    orUnavailable(async () => {
      const rows = await database.$queryRaw<{ object_id: string }[]>`
        UPDATE stored_object SET status = 'validating', lease_until = ${leaseUntil}::timestamptz
        WHERE object_id IN (
          SELECT object_id FROM stored_object
          WHERE status = 'uploaded'
            OR (status = 'validating' AND (lease_until IS NULL OR lease_until <= ${now}::timestamptz))
          ORDER BY object_id LIMIT ${limit} FOR UPDATE SKIP LOCKED)
        RETURNING object_id`;
      const ids = rows.map((row) => row.object_id);
      return (await database.storedObject.findMany({ where: { objectId: { in: ids } } })).map(
        fromRow,
      );
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

  ...createWhereabouts(database),

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

const settles = (status: string): boolean =>
  !['pending', 'uploaded', 'validating'].includes(status);
