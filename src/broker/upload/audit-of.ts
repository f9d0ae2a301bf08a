import type { AuditRecord, ObjectRecord } from '../../ledger/records.ts';

/** The steps that withhold something; the others are how an upload gets there, or does not come. */
const WITHHELD = ['upload.rejected', 'upload.quarantined', 'upload.replaced'];

/** Steps of the life cycle are recorded for whoever asked for the upload. */
export const auditOf = (
  object: ObjectRecord,
  at: Date,
  action: string,
  detail: Readonly<Record<string, unknown>> = {},
): AuditRecord => ({
  at,
  action,
  outcome: WITHHELD.includes(action) ? 'denied' : 'granted',
  tenantId: object.tenantId,
  tokenId: object.tokenId,
  userId: object.userId,
  appId: object.appId,
  objectId: object.objectId,
  resource: `bucket:${object.bucketId}`,
  detail: { key: object.key, ...detail },
});
