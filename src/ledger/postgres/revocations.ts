import { OAuthError } from '../../protocol/oauth-error.ts';
import type { Residual, RevocationOrder, RevocationRecord, Revocations } from '../ledger.ts';
import type { LockTarget, TargetKind } from '../records.ts';
import { insertAudit } from './audit-trail.ts';
import type { Database } from './client.ts';
import { contain } from './containment.ts';
import { orUnavailable } from './failure.ts';
import { type Lock, Prisma } from './generated/client.ts';
import { mustStillHold } from './holder.ts';
import { type Counted, columnOf, countReached, type Killed, PATIENT, partsOf } from './killed.ts';

type Transaction = Parameters<Parameters<Database['$transaction']>[0]>[0];

/**
 * @param patient connections on which a statement may take a minute: counting what a tenant held is no reason
 *   to give up ending it.
 */
export const createRevocations = (
  database: Database,
  patient: Database,
  now: () => Date,
): Revocations => ({
  revoke: (order) =>
    orUnavailable(async () => {
      const lock = await database.$transaction(
        (transaction) => revoke(transaction, order, now),
        PROMPT,
      );
      // It is in force. Counting waits for nobody, and nobody waits for it but the caller.
      return withReceipt(patient, lock);
    }),

  lift: (revocationId, by, holder, audit) =>
    orUnavailable(() =>
      database.$transaction(async (transaction) => {
        await mustStillHold(transaction, holder, revocationId);
        const rows = await transaction.$queryRaw<{ lifted: boolean }[]>`
          WITH lifted AS (
            UPDATE lock SET lifted_at = ${audit.at}::timestamptz, lifted_by = ${by}
            WHERE revocation_id = ${revocationId} AND lifted_at IS NULL RETURNING revocation_id
          ), written AS (${insertAudit(audit)} WHERE EXISTS (SELECT FROM lifted) RETURNING event_id)
          SELECT EXISTS (SELECT FROM lifted) AS lifted`;
        return rows[0]?.lifted === true;
      }),
    ),

  find: (revocationId) =>
    orUnavailable(async () => {
      const lock = await database.lock.findUnique({ where: { revocationId } });
      return lock === null ? undefined : withReceipt(patient, lock);
    }),

  list: (tenantId, { limit, after }) =>
    orUnavailable(async () => {
      const locks = await database.lock.findMany({
        where: {
          ...(tenantId === undefined ? {} : { tenantId }),
          ...(after === undefined ? {} : { revocationId: { lt: after } }),
        },
        orderBy: { revocationId: 'desc' },
        take: limit,
      });
      return Promise.all(locks.map((lock) => withReceipt(patient, lock)));
    }),

  tenantsOf: (target) =>
    orUnavailable(async () => {
      const [kind, id] = partsOf(target);
      const column = columnOf(target);
      const register = REGISTERS[kind];
      const rows = await database.$queryRaw<{ tenant_id: string | null }[]>`
        WITH registered AS (${register ? register(id) : Prisma.sql`SELECT NULL AS tenant_id WHERE false`})
        SELECT tenant_id FROM registered
        UNION
        SELECT tenant_id FROM (
          SELECT DISTINCT tenant_id FROM issued_token
          WHERE ${column} = ${id} AND NOT EXISTS (SELECT FROM registered)
        ) AS issued`;
      return rows.flatMap(({ tenant_id }) => tenant_id ?? []);
    }),
});

/** Where a target is written down with its tenant. What is written nowhere is known by what it was issued. */
const REGISTERS: Readonly<Partial<Record<TargetKind, (id: string) => Prisma.Sql>>> = {
  user: (id) => Prisma.sql`SELECT tenant_id FROM person WHERE user_id = ${id}`,
  app: (id) => Prisma.sql`SELECT tenant_id FROM app WHERE id = ${id}`,
  issuer: (id) => Prisma.sql`SELECT tenant_id FROM issuer WHERE id = ${id}`,
  tenant: (id) => Prisma.sql`SELECT id AS tenant_id FROM tenant WHERE id = ${id}`,
  // A key signs for all of them.
  key: (id) => Prisma.sql`SELECT tenant.id AS tenant_id FROM tenant, signing_key WHERE kid = ${id}`,
};

const PROMPT = { timeout: 10_000, maxWait: 2_000 };

/**
 * 1 waits for every issuance that has not committed, 2 reads the clock, 3 writes. Issuances that wait meanwhile
 * see the lock when they go on.
 */
const revoke = async (
  transaction: Transaction,
  order: RevocationOrder,
  now: () => Date,
): Promise<Lock> => {
  await mustStillHold(transaction, order.holder, order.target);
  const at = now();

  // Another instance's clock may run ahead: nothing issued before this moment may seem issued after it.
  const [ahead] = await transaction.$queryRaw<{ latest: Date | null }[]>`
    SELECT max(issued_at) AS latest FROM (
      SELECT issued_at FROM issued_token
      WHERE issued_at > ${at}::timestamptz AND ${order.target} = ANY (lineage)
      UNION ALL
      SELECT issued_at FROM ticket
      WHERE expires_at > ${at}::timestamptz AND issued_at > ${at}::timestamptz AND ${order.target} = ANY (lineage)
      UNION ALL
      SELECT issued_at FROM cloud_credential
      WHERE expires_at > ${at}::timestamptz AND issued_at > ${at}::timestamptz AND lineage @> ARRAY[${order.target}::text]
      UNION ALL
      SELECT created_at FROM stored_object
      WHERE status IN ('pending', 'uploaded', 'validating') AND upload_expires_at > ${at}::timestamptz
        AND created_at > ${at}::timestamptz AND ${order.target} = ANY (lineage)
    ) AS issued`;
  const effectiveAt = ahead?.latest ?? at;
  const contained = order.containObjects ? await contain(transaction, order, effectiveAt) : 0;
  const lock = await transaction.lock.create({
    data: {
      revocationId: order.revocationId,
      target: order.target,
      tenantId: order.tenantId,
      userId: order.userId ?? null,
      block: order.block,
      reason: order.reason,
      killed: { contained },
      residual: [],
      effectiveAt,
      revokedBy: order.by,
    },
  });
  const written = await transaction.$executeRaw(insertAudit({ ...order.audit, at: effectiveAt }));
  if (written !== 1)
    throw new OAuthError('temporarily_unavailable', 'the revocation could not be recorded');
  return lock;
};

/** The receipt as it was given, or counted now where whoever revoked could not. */
const withReceipt = async (patient: Database, lock: Lock): Promise<RevocationRecord> => {
  if (receiptOf(lock).tokens !== undefined) return fromLock(lock);
  const target = lock.target as LockTarget;
  const { killed, residual } = await patient.$transaction(
    (transaction) => countReached(transaction, { ...lock, target }),
    { timeout: PATIENT + 1_000, maxWait: 5_000 },
  );
  const counted = await patient.lock.update({
    where: { revocationId: lock.revocationId },
    data: {
      killed: { ...receiptOf(lock), ...killed },
      residual: residual.map((item) => ({ ...item, usableUntil: item.usableUntil.toISOString() })),
    },
  });
  return fromLock(counted);
};

const fromLock = (lock: Lock): RevocationRecord => ({
  revocationId: lock.revocationId,
  target: lock.target as LockTarget,
  tenantId: lock.tenantId,
  block: lock.block,
  reason: lock.reason,
  effectiveAt: lock.effectiveAt,
  revokedBy: lock.revokedBy,
  liftedAt: lock.liftedAt ?? undefined,
  killed: killedOf(lock),
  contained: receiptOf(lock).contained ?? 0,
  residual: (
    lock.residual as unknown as (Omit<Residual, 'usableUntil'> & { usableUntil: string })[]
  ).map((item) => ({ ...item, usableUntil: new Date(item.usableUntil) })),
});

/** What is written of what it killed: nothing but `contained` until it was counted. */
const receiptOf = ({ killed }: Lock): Partial<Killed> & { contained?: number } =>
  killed as Partial<Killed> & { contained?: number };

const killedOf = (lock: Lock): Counted['killed'] => {
  const { tokens = 0, derived = 0, refreshFamilies = 0, tickets = 0 } = receiptOf(lock);
  return { tokens, derived, refreshFamilies, tickets };
};
