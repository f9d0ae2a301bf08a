import type { HeldToken, HolderRefusal, Tokens } from '../ledger.ts';
import type { Database } from './client.ts';
import { orUnavailable, promptly } from './failure.ts';
import { Prisma } from './generated/client.ts';
import { refusalOf, waitForRevocations } from './holder.ts';
import { type TokenRow, tokenFromRow } from './rows.ts';

/** Whether row `t` (a token or a ticket) is dead: what it descends from was revoked after it was issued. */
export const isRevoked = (t: Prisma.Sql): Prisma.Sql => Prisma.sql`EXISTS (
  SELECT FROM lock AS l WHERE l.target = ANY (${t}.lineage)
    AND (l.target LIKE 'token:%' OR l.effective_at >= ${t}.issued_at))`;

const T = Prisma.raw('t');

type Found = TokenRow & { revoked: boolean; replayed: boolean };

export const createTokens = (database: Database): Tokens => ({
  use: (hash, proof) =>
    promptly(async () => {
      const rows = await database.$queryRaw<Found[]>`
        WITH claim AS (
          INSERT INTO replay (id, expires_at)
          SELECT id, until FROM (SELECT ${proof?.id ?? null}::text AS id, ${proof?.keepUntil ?? null}::timestamptz AS until) AS p
          WHERE id IS NOT NULL AND EXISTS (SELECT FROM issued_token WHERE token_hash = ${hash})
          ON CONFLICT DO NOTHING RETURNING id
        )
        SELECT t.*, ${isRevoked(T)} AS revoked,
          (${proof !== undefined}::boolean AND NOT EXISTS (SELECT FROM claim)) AS replayed
        FROM issued_token AS t WHERE t.token_hash = ${hash}`;
      return held(rows[0]);
    }),

  find: (tokenId) =>
    promptly(async () => {
      const rows = await database.$queryRaw<Found[]>`
        SELECT t.*, ${isRevoked(T)} AS revoked, false AS replayed
        FROM issued_token AS t WHERE t.token_id = ${tokenId}`;
      return held(rows[0]);
    }),

  list: (filter, { limit, after }) =>
    orUnavailable(async () => {
      const rows = await database.$queryRaw<Found[]>`
        SELECT t.*, ${isRevoked(T)} AS revoked, false AS replayed
        FROM issued_token AS t
        WHERE (${filter.tenantId ?? null}::text IS NULL OR t.tenant_id = ${filter.tenantId ?? null})
          AND (${filter.appId ?? null}::text IS NULL OR t.app_id = ${filter.appId ?? null})
          AND (${filter.userId ?? null}::text IS NULL OR t.user_id = ${filter.userId ?? null})
          AND (${filter.deviceId ?? null}::text IS NULL OR t.device_id = ${filter.deviceId ?? null})
          AND (${after ?? null}::text IS NULL OR t.token_id < ${after ?? null})
        ORDER BY t.token_id DESC LIMIT ${limit}`;
      return rows.map((row) => ({ ...flags(row), token: tokenFromRow(row) }));
    }),

  recheck: (holder) =>
    orUnavailable(async () => {
      const wait = database.$executeRaw(waitForRevocations(holder.keys));
      const read = database.$queryRaw<{ refusal: HolderRefusal | null }[]>`
        SELECT ${refusalOf(holder)} AS refusal`;
      const [, rows] = await database.$transaction([wait, read]);
      return rows[0]?.refusal ?? undefined;
    }),
});

const flags = ({ revoked, replayed }: Found): Omit<HeldToken, 'token'> => ({ revoked, replayed });

const held = (row: Found | undefined): HeldToken | undefined =>
  row && { ...flags(row), token: tokenFromRow(row) };
