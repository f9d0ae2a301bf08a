import type { Authorization, LockTarget } from '../records.ts';
import type { FoundRefreshToken, RefreshFamily, RefreshTokens } from '../refresh-tokens.ts';
import type { Database } from './client.ts';
import { promptly } from './failure.ts';
import { known } from './rows.ts';

export const createRefreshTokens = (database: Database): RefreshTokens => ({
  begin: (family, { hash, issuedAt }) =>
    promptly(async () => {
      const { familyId, grantId, tenantId, appId, issuerId, userId } = family;
      await database.$executeRaw`
        WITH family AS (
          INSERT INTO refresh_family (family_id, grant_id, tenant_id, app_id, issuer_id, user_id, thumbprint,
            lineage, "authorization", created_at, expires_at)
          VALUES (${familyId}, ${grantId}, ${tenantId}, ${appId}, ${issuerId}, ${userId}, ${family.thumbprint ?? null},
            ${[...family.lineage]}::text[], ${JSON.stringify(family.authorization)}::jsonb,
            ${family.createdAt}::timestamptz, ${family.expiresAt}::timestamptz)
          RETURNING family_id
        )
        INSERT INTO refresh_token (token_hash, family_id, issued_at)
        SELECT ${bytes(hash)}, family_id, ${issuedAt}::timestamptz FROM family`;
    }),

  find: (hash) =>
    promptly(async () => {
      const [row] = await database.$queryRaw<FoundRow[]>`
        SELECT f.*, t.used_at, t.successor, s.used_at IS NOT NULL AS successor_used
        FROM refresh_token AS t JOIN refresh_family AS f USING (family_id)
        LEFT JOIN refresh_token AS s ON s.token_hash = t.successor
        WHERE t.token_hash = ${bytes(hash)}`;
      return row && fromRow(row);
    }),

  rotate: (used, successor, at) =>
    promptly(async () => {
      const inserted = await database.$executeRaw`
        WITH used AS (
          UPDATE refresh_token SET used_at = ${at}::timestamptz, successor = ${bytes(successor)}
          WHERE token_hash = ${bytes(used)} AND used_at IS NULL
          RETURNING family_id
        )
        INSERT INTO refresh_token (token_hash, family_id, issued_at)
        SELECT ${bytes(successor)}, family_id, ${at}::timestamptz FROM used`;
      return inserted === 1;
    }),

  restore: (used, successor) =>
    promptly(async () => {
      await database.$executeRaw`
        WITH gone AS (
          DELETE FROM refresh_token WHERE token_hash = ${bytes(successor)} AND used_at IS NULL
          RETURNING token_hash
        )
        UPDATE refresh_token SET used_at = NULL, successor = NULL
        WHERE token_hash = ${bytes(used)} AND successor IN (SELECT token_hash FROM gone)`;
    }),
});

interface FoundRow {
  family_id: string;
  grant_id: string;
  tenant_id: string;
  app_id: string;
  issuer_id: string;
  user_id: string;
  thumbprint: string | null;
  lineage: LockTarget[];
  authorization: Authorization;
  created_at: Date;
  expires_at: Date;
  used_at: Date | null;
  successor: Uint8Array | null;
  successor_used: boolean;
}

const fromRow = (row: FoundRow): FoundRefreshToken => ({
  family: {
    familyId: row.family_id,
    grantId: row.grant_id,
    tenantId: row.tenant_id,
    appId: row.app_id,
    issuerId: row.issuer_id,
    userId: row.user_id,
    thumbprint: known(row.thumbprint),
    lineage: row.lineage,
    authorization: row.authorization,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
  } satisfies RefreshFamily,
  usedAt: known(row.used_at),
  successor: row.successor === null ? undefined : Buffer.from(row.successor),
  successorUsed: row.successor_used,
});

/** As Prisma types it: a view of its own memory. */
const bytes = (hash: Buffer): Uint8Array<ArrayBuffer> => Uint8Array.from(hash);
