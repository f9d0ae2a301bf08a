import type { RevocationOrder } from '../ledger.ts';
import type { AuditRecord } from '../records.ts';
import type { Database } from './client.ts';
import { auditToRow, known } from './rows.ts';

type Transaction = Parameters<Parameters<Database['$transaction']>[0]>[0];

/** Events written by one statement. */
const AT_ONCE = 2_000;

/**
 * Takes what was uploaded under a target out of every reader's sight, each with an event of its own: the security desk
 * decides what becomes of them.
 *
 * @returns how many there were.
 */
export const contain = async (
  transaction: Transaction,
  order: RevocationOrder,
  at: Date,
): Promise<number> => {
  const reason = `contained by ${order.revocationId}`;
  const contained = await transaction.$queryRaw<ContainedRow[]>`
    UPDATE stored_object SET status = 'quarantined', settled_at = ${at}::timestamptz, apart_at = NULL, lease_until = NULL,
      reason = ${reason}
    WHERE status = 'available' AND lineage @> ARRAY[${order.target}::text]
    RETURNING object_id, tenant_id, bucket_id, app_id, user_id, token_id, key`;
  const events = contained.map((row) => auditToRow(eventOf(row, order, at, reason)));
  for (let from = 0; from < events.length; from += AT_ONCE) {
    const rows = JSON.stringify(events.slice(from, from + AT_ONCE));
    await transaction.$executeRaw`
      INSERT INTO audit_event SELECT t.* FROM jsonb_array_elements(${rows}::jsonb) AS row
      LEFT JOIN issued_token AS i ON i.token_id = row ->> 'token_id',
      jsonb_populate_record(NULL::audit_event, jsonb_strip_nulls(jsonb_build_object(
        'classification', i.classification, 'lawful_basis', i.lawful_basis, 'residency', i.residency))
        || row || jsonb_build_object('xid', pg_current_xact_id()::text)) AS t`;
  }
  return contained.length;
};

interface ContainedRow {
  readonly object_id: string;
  readonly tenant_id: string;
  readonly bucket_id: string;
  readonly app_id: string;
  readonly user_id: string | null;
  readonly token_id: string;
  readonly key: string;
}

/** As for every step of an object: recorded for whoever asked for the upload. */
const eventOf = (
  row: ContainedRow,
  { revocationId, by }: RevocationOrder,
  at: Date,
  reason: string,
): AuditRecord => ({
  at,
  action: 'upload.quarantined',
  outcome: 'denied',
  reason,
  tenantId: row.tenant_id,
  tokenId: row.token_id,
  userId: known(row.user_id),
  appId: row.app_id,
  objectId: row.object_id,
  resource: `bucket:${row.bucket_id}`,
  detail: { key: row.key, revocation_id: revocationId, by },
});
