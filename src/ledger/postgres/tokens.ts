import type { HolderRefusal, Tokens } from '../ledger.ts';
import type { Database } from './client.ts';
import { orUnavailable } from './failure.ts';
import { Prisma } from './generated/client.ts';
import { type TokenRow, tokenFromRow } from './rows.ts';
import type { Statements } from './statements.ts';
import { createTokenLookups, isRevoked } from './token-lookups.ts';

const IS_REVOKED = Prisma.raw(isRevoked('t'));

type Listed = TokenRow & { revoked: boolean };

export const createTokens = (
  database: Database,
  statements: Statements,
  lookUp = createTokenLookups(statements),
): Tokens => ({
  use: (hash, proof) => lookUp({ hash: hash.toString('hex'), proof }),
  find: (tokenId) => lookUp({ token_id: tokenId }),

  list: (filter, { limit, after }) =>
    orUnavailable(async () => {
      const rows = await database.$queryRaw<Listed[]>`
        SELECT t.*, ${IS_REVOKED} AS revoked
        FROM issued_token AS t
        WHERE (${filter.tenantId ?? null}::text IS NULL OR t.tenant_id = ${filter.tenantId ?? null})
          AND (${filter.appId ?? null}::text IS NULL OR t.app_id = ${filter.appId ?? null})
          AND (${filter.userId ?? null}::text IS NULL OR t.user_id = ${filter.userId ?? null})
          AND (${filter.deviceId ?? null}::text IS NULL OR t.device_id = ${filter.deviceId ?? null})
          AND (${after ?? null}::text IS NULL OR t.token_id < ${after ?? null})
        ORDER BY t.token_id DESC LIMIT ${limit}`;
      return rows.map(({ revoked, ...row }) => ({
        token: tokenFromRow(row),
        revoked,
        replayed: false,
      }));
    }),

  recheck: (holder) =>
    orUnavailable(async () => {
      const { keys, authorities } = holder;
      const rows = await database.$queryRaw<{ refusal: HolderRefusal | null }[]>`
        SELECT holder_refusal_1(${[...keys]}::text[], ${JSON.stringify(authorities)}::jsonb) AS refusal`;
      return rows[0]?.refusal ?? undefined;
    }),
});
