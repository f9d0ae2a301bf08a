import type { StepRefusal } from '../ledger.ts';
import type { AbandonedUpload, PartUploads } from '../part-uploads.ts';
import { insertAudit } from './audit-trail.ts';
import type { Database } from './client.ts';
import { orUnavailable, promptly } from './failure.ts';
import { Prisma } from './generated/client.ts';
import { refusalOf } from './holder.ts';
import { known } from './rows.ts';

/** Whether what object `o` came from was revoked. */
const IS_REVOKED = Prisma.sql`EXISTS (
  SELECT FROM lock AS l WHERE l.target = ANY (o.lineage)
    AND (l.target LIKE 'token:%' OR l.effective_at >= o.created_at))`;

export const createPartUploads = (database: Database): PartUploads => ({
  plan: ({ objectId, partSize, parts }, at) =>
    orUnavailable(async () => {
      await database.partUpload.create({
        data: { objectId, partSize: BigInt(partSize), parts, begunAt: at },
      });
    }),

  name: (objectId, uploadId) =>
    orUnavailable(async () => {
      // Either this sees the revocation, or whoever takes back what was revoked sees this.
      const named = await database.$executeRaw`
        UPDATE part_upload AS p SET upload_id = ${uploadId} FROM stored_object AS o
        WHERE p.object_id = ${objectId} AND p.ended_at IS NULL
          AND o.object_id = p.object_id AND o.status = 'pending' AND NOT ${IS_REVOKED}`;
      return named > 0;
    }),

  find: (objectId) =>
    promptly(async () => {
      const row = await database.partUpload.findUnique({ where: { objectId } });
      if (row === null) return undefined;
      const { uploadId, partSize, parts } = row;
      return { objectId, uploadId: known(uploadId), partSize: Number(partSize), parts };
    }),

  extend: ({ objectId, expiresAt, holder, audit }) =>
    orUnavailable(async () => {
      const keys = [...holder.keys];
      // Law 3: the lock comes in a statement of its own, so that the next one sees what it waited for.
      const wait = database.$executeRaw`
        SELECT pg_advisory_xact_lock_shared(k) FROM (
          SELECT DISTINCT hashtextextended(target, 0) AS k
          FROM stored_object AS o, unnest(o.lineage || ${keys}::text[]) AS target
          WHERE o.object_id = ${objectId} ORDER BY 1
        ) AS sorted`;
      const step = database.$queryRaw<{ refusal: StepRefusal | null }[]>`
        WITH holder AS (SELECT ${refusalOf(holder)} AS refusal),
        step AS (
          UPDATE stored_object AS o
          SET upload_expires_at = greatest(o.upload_expires_at, ${expiresAt}::timestamptz),
            -- It dies with whichever it came from: who asked first, or who asks now.
            lineage = ARRAY(SELECT DISTINCT key FROM unnest(o.lineage || ${keys}::text[]) AS key)
          WHERE o.object_id = ${objectId} AND o.status = 'pending' AND (SELECT refusal FROM holder) IS NULL
            AND NOT ${IS_REVOKED}
          RETURNING o.object_id
        ), written AS (${insertAudit(audit)} WHERE EXISTS (SELECT FROM step) RETURNING event_id)
        SELECT CASE WHEN NOT EXISTS (SELECT FROM step)
          THEN coalesce((SELECT refusal FROM holder), 'moved_on') END AS refusal`;
      const [, rows] = await database.$transaction([wait, step]);
      return rows[0] ? (rows[0].refusal ?? undefined) : 'moved_on';
    }),

  abandoned: (limit) =>
    promptly(
      () => database.$queryRaw<AbandonedUpload[]>`
        SELECT o.object_id AS "objectId", o.bucket_id AS "bucketId", o.staging_key AS "stagingKey",
          o.status = 'pending' AS "isPending"
        FROM part_upload AS p JOIN stored_object AS o USING (object_id)
        WHERE p.ended_at IS NULL AND (o.status <> 'pending' OR ${IS_REVOKED})
        ORDER BY p.begun_at LIMIT ${limit}`,
    ),

  unknown: (stagingKeys) =>
    promptly(async () => {
      const rows = await database.$queryRaw<{ staged: string }[]>`
        SELECT staged FROM unnest(${[...stagingKeys]}::text[]) AS staged WHERE NOT EXISTS (
          SELECT FROM part_upload AS p JOIN stored_object AS o USING (object_id)
          -- A staging key names its object, whose row is found by that.
          WHERE o.object_id = split_part(staged, '/', 2) AND o.staging_key = staged AND p.ended_at IS NULL)`;
      return rows.map(({ staged }) => staged);
    }),

  end: (objectId, at) =>
    orUnavailable(async () => {
      await database.partUpload.update({ where: { objectId }, data: { endedAt: at } });
    }),
});
