import type { Artifact, Artifacts, FoundArtifact } from '../artifacts.ts';
import type { Database } from './client.ts';
import { promptly } from './failure.ts';
import type { OidcArtifact, Prisma } from './generated/client.ts';

export const createArtifacts = (database: Database): Artifacts => ({
  put: (artifact) =>
    promptly(async () => {
      const { model, idHash, ...rest } = toRow(artifact);
      await database.oidcArtifact.upsert({
        where: { model_idHash: { model, idHash } },
        create: { model, idHash, ...rest },
        update: rest,
      });
    }),

  putOnce: (artifact) =>
    promptly(async () => {
      const { count } = await database.oidcArtifact.createMany({
        data: [toRow(artifact)],
        skipDuplicates: true,
      });
      return count === 1;
    }),

  find: (model, idHash) =>
    promptly(async () =>
      fromRow(
        await database.oidcArtifact.findUnique({ where: { model_idHash: { model, idHash } } }),
      ),
    ),

  findByUid: (model, uid) =>
    promptly(async () => fromRow(await database.oidcArtifact.findFirst({ where: { model, uid } }))),

  findByUserCode: (model, userCode) =>
    promptly(async () =>
      fromRow(await database.oidcArtifact.findFirst({ where: { model, userCode } })),
    ),

  open: (model, uid, limit) =>
    promptly(async () => {
      const rows = await database.oidcArtifact.findMany({
        where: { model, uid, consumedAt: null },
        orderBy: { expiresAt: 'asc' },
        take: limit,
      });
      return rows.map((row) => ({ idHash: row.idHash, ...held(row) }));
    }),

  consume: (model, idHash, at) =>
    promptly(async () => {
      const { count } = await database.oidcArtifact.updateMany({
        where: { model, idHash, consumedAt: null },
        data: { consumedAt: at },
      });
      return count === 1;
    }),

  destroy: (model, idHash) =>
    promptly(async () => {
      await database.oidcArtifact.deleteMany({ where: { model, idHash } });
    }),

  destroyGrant: (grantId) =>
    promptly(async () => {
      await database.oidcArtifact.deleteMany({ where: { grantId } });
    }),
});

const toRow = ({ payload, grantId, uid, userCode, expiresAt, ...ids }: Artifact) => ({
  ...ids,
  payload: payload as Prisma.InputJsonObject,
  grantId: grantId ?? null,
  uid: uid ?? null,
  userCode: userCode ?? null,
  expiresAt: expiresAt ?? null,
});

const held = (row: OidcArtifact): FoundArtifact => ({
  payload: row.payload as Prisma.JsonObject,
  consumedAt: row.consumedAt ?? undefined,
  expiresAt: row.expiresAt ?? undefined,
});

const fromRow = (row: OidcArtifact | null): FoundArtifact | undefined =>
  row === null ? undefined : held(row);
