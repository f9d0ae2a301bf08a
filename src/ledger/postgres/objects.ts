import type { Objects, StepRefusal } from '../ledger.ts';
import type { LockTarget, ObjectRecord, ObjectStatus } from '../records.ts';
import { insertAudit } from './audit-trail.ts';
import type { Database } from './client.ts';
import { orUnavailable, promptly } from './failure.ts';
import { Prisma, type StoredObject } from './generated/client.ts';
import { NOBODY, refusalOf } from './holder.ts';
import { giveBack } from './quotas.ts';
import { known } from './rows.ts';

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

  advance: ({ objectId, from, to, at, reason, found, audit, holder = NOBODY }) =>
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
            revision = coalesce(${found?.revision ?? null}, o.revision),
            lease_until = CASE WHEN ${to} = 'validating' THEN o.lease_until END,
            settled_at = CASE WHEN ${settles(to)}::boolean THEN ${at}::timestamptz ELSE o.settled_at END
          WHERE o.object_id = ${objectId} AND o.status = ANY (${[...from]}::text[])
            AND (SELECT refusal FROM holder) IS NULL
            AND (${to} <> 'available' OR NOT EXISTS (
              SELECT FROM lock AS l WHERE l.target = ANY (o.lineage)
                AND (l.target LIKE 'token:%' OR l.effective_at >= o.created_at)))
          RETURNING o.object_id, o.reserved, o.created_at
        ), returned AS (${giveBack(Prisma.sql`
          SELECT r.id, r.window_seconds, r.amount, step.created_at AS taken_at
          FROM step, jsonb_to_recordset(step.reserved) AS r(id text, window_seconds int, amount bigint)
          WHERE ${to} IN ('expired', 'rejected')`)}
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
          status: { in: ['available', 'rejected', 'expired', 'deleted'] },
          stagingGoneAt: null,
          uploadExpiresAt: { lt: now },
        },
        orderBy: { uploadExpiresAt: 'asc' },
        take: limit,
      }),
    ),

  forgetStaging: (objectId, at) =>
    orUnavailable(async () => {
      await database.storedObject.update({ where: { objectId }, data: { stagingGoneAt: at } });
    }),
});

const settles = (status: string): boolean =>
  !['pending', 'uploaded', 'validating'].includes(status);

const one = (query: Prisma.PrismaPromise<StoredObject | null>): Promise<ObjectRecord | undefined> =>
  promptly(async () => {
    const row = await query;
    return row === null ? undefined : fromRow(row);
  });

const many = (query: Prisma.PrismaPromise<ObjectRow[]>): Promise<readonly ObjectRecord[]> =>
  promptly(async () => (await query).map(fromRow));

type ObjectRow = Omit<StoredObject, 'leaseUntil' | 'settledAt' | 'stagingGoneAt' | 'reserved'>;

/** An `ObjectRow` of a raw statement, under the names the client gives its members. */
const COLUMNS = Prisma.sql`
  object_id AS "objectId", tenant_id AS "tenantId", bucket_id AS "bucketId", app_id AS "appId",
  user_id AS "userId", token_id AS "tokenId", lineage, staging_key AS "stagingKey", key,
  file_name AS "fileName", content_type AS "contentType", size, sha256, status, reason, revision,
  created_at AS "createdAt", upload_expires_at AS "uploadExpiresAt"`;

const fromRow = (row: ObjectRow): ObjectRecord => ({
  objectId: row.objectId,
  tenantId: row.tenantId,
  bucketId: row.bucketId,
  appId: row.appId,
  userId: known(row.userId),
  tokenId: row.tokenId,
  lineage: row.lineage as LockTarget[],
  stagingKey: row.stagingKey,
  key: row.key,
  fileName: row.fileName,
  contentType: row.contentType,
  size: Number(row.size),
  sha256: known(row.sha256),
  status: row.status as ObjectStatus,
  reason: known(row.reason),
  revision: known(row.revision),
  createdAt: row.createdAt,
  uploadExpiresAt: row.uploadExpiresAt,
});
