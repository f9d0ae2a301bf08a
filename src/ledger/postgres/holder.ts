import { unproven } from '../../protocol/oauth-error.ts';
import type { Holder } from '../ledger.ts';
import type { LockTarget } from '../records.ts';
import type { Database } from './client.ts';
import { Prisma } from './generated/client.ts';

type Transaction = Parameters<Parameters<Database['$transaction']>[0]>[0];

/**
 * Waits for revocations under way and then makes sure that none took what `holder` acts by: whoever was
 * proven when a request began may have been revoked before it ended (law 3).
 *
 * @param exclusive a name that nothing else may be decided about until this transaction ends.
 * @throws {OAuthError} `invalid_token` where it was.
 */
export const mustStillHold = async (
  transaction: Transaction,
  { keys, authorities }: Holder,
  exclusive: string,
): Promise<void> => {
  await transaction.$executeRaw`
    SELECT CASE WHEN k = hashtextextended(${exclusive}, 0)
      THEN pg_advisory_xact_lock(k) ELSE pg_advisory_xact_lock_shared(k) END
    FROM (
      SELECT DISTINCT hashtextextended(target, 0) AS k
      FROM unnest(${[...keys]}::text[] || ${exclusive}::text) AS target ORDER BY 1
    ) AS sorted`;
  const [row] = await transaction.$queryRaw<{ revoked: boolean }[]>`
    SELECT EXISTS (
      SELECT FROM lock AS l
      WHERE l.target = ANY (${[...keys]}::text[]) AND l.block AND l.lifted_at IS NULL
    ) OR EXISTS (
      SELECT FROM jsonb_to_recordset(${JSON.stringify(authorities)}::jsonb) AS a(key text, since timestamptz)
      JOIN lock AS l ON l.target = a.key AND l.effective_at >= a.since
    ) AS revoked`;
  if (row?.revoked !== false) throw unproven('revoked while the request was under way');
};

/** Who acts for the operator at the machine itself: nothing can be revoked from them. */
export const OPERATOR: Holder = { keys: [], authorities: [] };

/**
 * Waits for revocations under way of any of these. In a statement of its own, so that the next one sees
 * what it waited for (law 3).
 */
export const waitForRevocations = (keys: readonly LockTarget[]): Prisma.Sql => Prisma.sql`
  SELECT pg_advisory_xact_lock_shared(k) FROM (
    SELECT DISTINCT hashtextextended(target, 0) AS k FROM unnest(${[...keys]}::text[]) AS target ORDER BY 1
  ) AS sorted`;

/** A `HolderRefusal`, or NULL. */
export const refusalOf = ({ keys, authorities }: Holder): Prisma.Sql => Prisma.sql`CASE
  WHEN EXISTS (
    SELECT FROM lock AS l WHERE l.target = ANY (${[...keys]}::text[]) AND l.block AND l.lifted_at IS NULL
  ) THEN 'blocked'
  WHEN EXISTS (
    SELECT FROM jsonb_to_recordset(${JSON.stringify(authorities)}::jsonb) AS a(key text, since timestamptz)
    JOIN lock AS l ON l.target = a.key AND l.effective_at >= a.since
  ) THEN 'revoked'
END`;
