import type { InspectionReport } from '../../protocol/inspection-report.ts';
import type { LockTarget, ObjectRecord, ObjectStatus } from '../records.ts';
import { promptly } from './failure.ts';
import { Prisma, type StoredObject } from './generated/client.ts';
import { known } from './rows.ts';

export const one = (
  query: Prisma.PrismaPromise<StoredObject | null>,
): Promise<ObjectRecord | undefined> =>
  promptly(async () => {
    const row = await query;
    return row === null ? undefined : fromRow(row);
  });

export const many = (query: Prisma.PrismaPromise<ObjectRow[]>): Promise<readonly ObjectRecord[]> =>
  promptly(async () => (await query).map(fromRow));

export type ObjectRow = Omit<
  StoredObject,
  'leaseUntil' | 'stagingGoneAt' | 'reserved' | 'bytesGoneAt'
>;

/** An `ObjectRow` of a raw statement, under the names the client gives its members. */
export const COLUMNS = Prisma.sql`
  object_id AS "objectId", tenant_id AS "tenantId", bucket_id AS "bucketId", app_id AS "appId",
  user_id AS "userId", token_id AS "tokenId", lineage, staging_key AS "stagingKey", key,
  file_name AS "fileName", content_type AS "contentType", size, sha256, status, reason, revision,
  created_at AS "createdAt", upload_expires_at AS "uploadExpiresAt", settled_at AS "settledAt",
  report, attempts, apart_at AS "apartAt"`;

export const fromRow = (row: ObjectRow): ObjectRecord => ({
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
  report: known(row.report) as InspectionReport | undefined,
  attempts: row.attempts ?? 0,
  apartAt: known(row.apartAt),
  settledAt: known(row.settledAt),
});
