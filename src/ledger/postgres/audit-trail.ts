import type { AuditTrail, UseRefusal } from '../ledger.ts';
import type { AuditRecord, SeenProof } from '../records.ts';
import type { Database } from './client.ts';
import { orUnavailable, promptly } from './failure.ts';
import { type AuditEvent, Prisma } from './generated/client.ts';
import { refusalOf, waitForRevocations } from './holder.ts';
import { auditToRow, known } from './rows.ts';

export const createAuditTrail = (database: Database): AuditTrail => ({
  append: (record, proofs = []) =>
    promptly(async () => {
      const claimed = await database.$queryRaw<{ fresh: boolean }[]>`
        WITH ${claim(proofs)}, written AS (${insertAudit(record)} RETURNING event_id)
        SELECT ${ALL_FRESH} AS fresh FROM written`;
      return claimed[0]?.fresh === true;
    }),

  appendUse: (record, holder, proofs = []) =>
    orUnavailable(async () => {
      const wait = database.$executeRaw(waitForRevocations(holder.keys));
      const write = database.$queryRaw<{ refusal: UseRefusal | null }[]>`
        WITH ${claim(proofs)},
        holder AS (SELECT COALESCE(${refusalOf(holder)}, CASE WHEN NOT ${ALL_FRESH} THEN 'replayed_proof' END) AS refusal),
        written AS (${insertAudit(record)} WHERE (SELECT refusal FROM holder) IS NULL RETURNING event_id)
        SELECT refusal FROM holder`;
      const [, rows] = await database.$transaction([wait, write]);
      return rows[0]?.refusal ?? undefined;
    }),

  search: (filter, { limit, after }) =>
    orUnavailable(async () => {
      const events = await database.auditEvent.findMany({
        where: {
          ...given('tenantId', filter.tenantId),
          ...given('appId', filter.appId),
          ...given('userId', filter.userId),
          ...given('deviceId', filter.deviceId),
          ...given('tokenId', filter.tokenId),
          ...given('objectId', filter.objectId),
          ...(filter.actor !== undefined && {
            actors: { array_contains: [{ subject: filter.actor }] },
          }),
          ...(filter.target !== undefined && {
            detail: { path: ['target'], equals: filter.target },
          }),
          ...given('action', filter.action),
          ...given('outcome', filter.outcome),
          ...(after === undefined ? {} : { eventId: { lt: after } }),
          at: { ...given('gte', filter.since), ...given('lt', filter.until) },
        },
        orderBy: { eventId: 'desc' },
        take: limit,
      });
      return events.map(fromEvent);
    }),
});

/** Uses proofs up, in a fixed order: two requests with the same ones never wait for each other in a circle. */
const claim = (proofs: readonly SeenProof[]): Prisma.Sql => {
  const ids = JSON.stringify(proofs.map(({ id, keepUntil }) => ({ id, expires_at: keepUntil })));
  return Prisma.sql`
    wanted AS (SELECT * FROM jsonb_to_recordset(${ids}::jsonb) AS p(id text, expires_at timestamptz)),
    claimed AS (
      INSERT INTO replay (id, expires_at) SELECT id, expires_at FROM wanted ORDER BY id
      ON CONFLICT DO NOTHING RETURNING id
    )`;
};

const ALL_FRESH = Prisma.sql`((SELECT count(*) FROM claimed) = (SELECT count(*) FROM wanted))`;

/** An INSERT of one event, to be run alone or inside a larger statement. */
export const insertAudit = (record: AuditRecord): Prisma.Sql => Prisma.sql`
  INSERT INTO audit_event SELECT t.* FROM jsonb_populate_record(NULL::audit_event,
    ${complianceOf(record)} || ${JSON.stringify(auditToRow(record))}::jsonb || jsonb_build_object('xid', pg_current_xact_id()::text)) AS t`;

/** Of an object, what the event does not say of class, basis and place is what its token was issued under. */
export const inheritsCompliance = ({ objectId, tokenId, classification }: AuditRecord): boolean =>
  objectId !== undefined && tokenId !== undefined && classification === undefined;

const complianceOf = (record: AuditRecord): Prisma.Sql =>
  inheritsCompliance(record)
    ? Prisma.sql`coalesce((
        SELECT jsonb_strip_nulls(jsonb_build_object(
          'classification', i.classification, 'lawful_basis', i.lawful_basis, 'residency', i.residency))
        FROM issued_token AS i WHERE i.token_id = ${record.tokenId}), '{}')`
    : Prisma.sql`'{}'::jsonb`;

const given = <Key extends string, Value>(
  key: Key,
  value: Value | undefined,
): { [K in Key]?: Value } =>
  value === undefined ? {} : ({ [key]: value } as { [K in Key]?: Value });

const fromEvent = (event: AuditEvent): AuditRecord & { eventId: string } => ({
  eventId: event.eventId,
  at: event.at,
  action: event.action,
  outcome: event.outcome === 'granted' ? 'granted' : 'denied',
  reason: known(event.reason),
  tenantId: known(event.tenantId),
  tokenId: known(event.tokenId),
  issuer: known(event.issuer),
  userId: known(event.userId),
  appId: known(event.appId),
  deviceId: known(event.deviceId),
  actors: (event.actors ?? []) as unknown as NonNullable<AuditRecord['actors']>,
  scopes: event.scopes,
  resource: known(event.resource),
  objectId: known(event.objectId),
  classification: known(event.classification),
  lawfulBasis: known(event.lawfulBasis),
  residency: known(event.residency),
  policyDigest: known(event.policyDigest),
  policies: event.policies,
  ip: known(event.ip),
  traceId: known(event.traceId),
  requestId: known(event.requestId),
  detail: known(event.detail) as AuditRecord['detail'],
});
