import type { JsonWebKey } from 'node:crypto';
import type { KeyState, SigningKeys } from '../signing-keys.ts';
import type { Database } from './client.ts';
import { orUnavailable } from './failure.ts';
import type { Prisma } from './generated/client.ts';

export const createSigningKeys = (database: Database): SigningKeys => ({
  list: () =>
    orUnavailable(async () => {
      const rows = await database.signingKey.findMany({ orderBy: { createdAt: 'asc' } });
      return rows.map((row) => ({
        kid: row.kid,
        alg: 'ES256' as const,
        publicJwk: row.publicJwk as JsonWebKey,
        sealed: Buffer.from(row.sealed),
        state: row.state as KeyState,
        createdAt: row.createdAt,
      }));
    }),

  insertFirst: (key) =>
    orUnavailable(() =>
      database.$transaction(async (transaction) => {
        // Instances that start together agree on one first key.
        await transaction.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended('signing keys', 0))`;
        if ((await transaction.signingKey.count({ where: { state: 'active' } })) > 0) return;
        await transaction.signingKey.create({
          data: {
            ...key,
            publicJwk: key.publicJwk as Prisma.InputJsonObject,
            sealed: new Uint8Array(key.sealed),
            activeAt: key.createdAt,
          },
        });
      }),
    ),
});
