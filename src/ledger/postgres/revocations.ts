import { OAuthError } from '../../protocol/oauth-error.ts';
import type { Residual, RevocationOrder, RevocationRecord, Revocations } from '../ledger.ts';
import type { LockTarget } from '../records.ts';
import { insertAudit } from './audit-trail.ts';
import type { Database } from './client.ts';
import { orUnavailable } from './failure.ts';
import { type Lock, Prisma } from './generated/client.ts';
import { mustStillHold } from './holder.ts';
import { countKilled, countResidual, type Killed } from './killed.ts';

type Transaction = Parameters<Parameters<Database['$transaction']>[0]>[0];

/** Where the tenant of a target is written down. Target kinds come from a closed set, never from a caller. */
const OWNERS: Readonly<Record<string, { table: Prisma.Sql; column: Prisma.Sql }>> = {
  token: { table: Prisma.sql`issued_token`, column: Prisma.sql`token_id` },
  user: { table: Prisma.sql`person`, column: Prisma.sql`user_id` },
};

export const createRevocations = (database: Database, now: () => Date): Revocations => ({
  revoke: (order) =>
    orUnavailable(() =>
      database.$transaction((transaction) => revoke(transaction, order, now), {
        timeout: 10_000,
        maxWait: 2_000,
      }),
    ),

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
      return lock === null ? undefined : fromLock(lock);
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
      return locks.map(fromLock);
    }),

  tenantOf: (target) =>
    orUnavailable(async () => {
      const kind = target.slice(0, target.indexOf(':'));
      if (kind === 'app') return tenantOfApp(database, target.slice(kind.length + 1));
      const owner = OWNERS[kind];
      if (!owner) return undefined;
      const rows = await database.$queryRaw<{ tenant_id: string }[]>`
        SELECT tenant_id FROM ${owner.table} WHERE ${owner.column} = ${target.slice(kind.length + 1)}`;
      return rows[0]?.tenant_id;
    }),
});

/** An app that is gone from the configuration is still found by what it was issued. */
const tenantOfApp = async (database: Database, id: string): Promise<string | undefined> => {
  const [row] = await database.$queryRaw<{ tenant_id: string | null }[]>`
    SELECT coalesce(
      (SELECT tenant_id FROM app WHERE id = ${id}),
      (SELECT tenant_id FROM issued_token WHERE app_id = ${id} ORDER BY issued_at DESC LIMIT 1)
    ) AS tenant_id`;
  return row?.tenant_id ?? undefined;
};

/**
 * 1 waits for every issuance that has not committed, 2 reads the clock, 3 counts, 4 writes.
 * Issuances that wait meanwhile see the lock when they go on.
 */
const revoke = async (
  transaction: Transaction,
  order: RevocationOrder,
  now: () => Date,
): Promise<RevocationRecord> => {
  await mustStillHold(transaction, order.holder, order.target);
  const at = now();
  const killed = await countKilled(transaction, order.target, at);
  const residual = await countResidual(transaction, order.target, at);

  // Another instance's clock may run ahead: nothing issued before this moment may seem issued after it.
  const effectiveAt = killed.latest && killed.latest > at ? killed.latest : at;
  const contained = order.containObjects ? await quarantine(transaction, order, effectiveAt) : 0;
  const lock = await transaction.lock.create({
    data: {
      revocationId: order.revocationId,
      target: order.target,
      tenantId: order.tenantId,
      block: order.block,
      reason: order.reason,
      killed: {
        tokens: killed.tokens,
        derived: killed.derived,
        tickets: killed.tickets,
        contained,
      },
      residual: residual.map((item) => ({ ...item, usableUntil: item.usableUntil.toISOString() })),
      effectiveAt,
      revokedBy: order.by,
    },
  });
  const written = await transaction.$executeRaw(insertAudit({ ...order.audit, at: effectiveAt }));
  if (written !== 1)
    throw new OAuthError('temporarily_unavailable', 'the revocation could not be recorded');
  return fromLock(lock);
};

/** Out of every reader's sight; the security desk decides what becomes of them. */
const quarantine = (transaction: Transaction, order: RevocationOrder, at: Date): Promise<number> =>
  transaction.$executeRaw`
    UPDATE stored_object SET status = 'quarantined', settled_at = ${at}::timestamptz,
      reason = ${`contained by ${order.revocationId}`}
    WHERE status = 'available' AND ${order.target} = ANY (lineage)`;

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
  contained: (lock.killed as { contained?: number }).contained ?? 0,
  residual: (
    lock.residual as unknown as (Omit<Residual, 'usableUntil'> & { usableUntil: string })[]
  ).map((item) => ({ ...item, usableUntil: new Date(item.usableUntil) })),
});

const killedOf = ({ killed }: Lock): Killed => {
  const { tokens, derived, tickets } = killed as unknown as Killed;
  return { tokens, derived, tickets };
};
