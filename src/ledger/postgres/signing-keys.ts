import type { JsonWebKey } from 'node:crypto';
import type { SigningAlgorithm } from '../../protocol/signing-algorithm.ts';
import type {
  KeyMove,
  KeyState,
  KeyStep,
  NewSigningKey,
  SigningKeyRecord,
  SigningKeys,
} from '../signing-keys.ts';
import { insertAudit } from './audit-trail.ts';
import type { Database } from './client.ts';
import { orUnavailable, promptly } from './failure.ts';
import { Prisma } from './generated/client.ts';
import { mustStillHold, OPERATOR } from './holder.ts';

type Transaction = Parameters<Parameters<Database['$transaction']>[0]>[0];

/** The name under which steps wait for one another. */
const RING = 'signing keys';

/** Another instance was quicker: rolls the step back. */
class Overtaken extends Error {}

export const createSigningKeys = (database: Database): SigningKeys => ({
  live: () =>
    promptly(async () => {
      const rows = await database.$queryRaw<KeyRow[]>`
        SELECT k.*, ${LOCKED} FROM signing_key AS k
        WHERE k.state IN ('next', 'active', 'retiring') ORDER BY k.state, k.created_at, k.kid`;
      return rows.map(toRecord);
    }),

  list: () =>
    orUnavailable(async () => {
      const rows = await database.$queryRaw<KeyRow[]>`
        SELECT k.*, ${LOCKED} FROM signing_key AS k ORDER BY k.created_at DESC, k.kid`;
      return rows.map(toRecord);
    }),

  step: (step) =>
    orUnavailable(async () => {
      try {
        await database.$transaction((transaction) => take(transaction, step), { timeout: 10_000 });
        return true;
      } catch (error) {
        if (error instanceof Overtaken) return false;
        throw error;
      }
    }),

  askRotation: (kid, { at, holder, audit }) =>
    orUnavailable(() =>
      database.$transaction(async (transaction) => {
        await mustStillHold(transaction, holder ?? OPERATOR, RING);
        const marked = await transaction.$executeRaw`
          UPDATE signing_key SET rotation_asked_at = ${at}::timestamptz
          WHERE kid = ${kid} AND state = 'next' AND rotation_asked_at IS NULL`;
        if (marked === 1) await transaction.$executeRaw(insertAudit(audit));
        return marked === 1;
      }),
    ),

  reseal: (kid, before, after) =>
    orUnavailable(async () => {
      const changed = await database.$executeRaw`
        UPDATE signing_key SET sealed = ${bytes(after)} WHERE kid = ${kid} AND sealed = ${bytes(before)}`;
      return changed === 1;
    }),
});

/** Steps wait for one another, so that of several instances which see the same need one acts. */
const take = async (transaction: Transaction, step: KeyStep): Promise<void> => {
  await mustStillHold(transaction, step.holder ?? OPERATOR, RING);
  for (const move of step.moves) mustBeOne(await transaction.$executeRaw(moved(move, step.at)));
  for (const key of step.adds) mustBeOne(await transaction.$executeRaw(added(key, step.at)));
  for (const event of step.audit) mustBeOne(await transaction.$executeRaw(insertAudit(event)));
};

const mustBeOne = (count: number): void => {
  if (count !== 1) throw new Overtaken();
};

/** What a move writes beside the state. A private half that will not sign again is not kept. */
const WRITES: Readonly<Record<KeyMove['to'], (at: Date, move: KeyMove) => Prisma.Sql>> = {
  active: (at) => Prisma.sql`active_at = ${at}::timestamptz, rotation_asked_at = NULL`,
  retiring: (at, { publishUntil }) =>
    Prisma.sql`retiring_at = ${at}::timestamptz, publish_until = ${publishUntil ?? at}::timestamptz`,
  retired: (at) => Prisma.sql`retired_at = ${at}::timestamptz, sealed = ''`,
  revoked: (at) => Prisma.sql`revoked_at = ${at}::timestamptz, sealed = ''`,
};

const moved = (move: KeyMove, at: Date): Prisma.Sql => Prisma.sql`
  UPDATE signing_key SET state = ${move.to}, ${WRITES[move.to](at, move)}
  WHERE kid = ${move.kid} AND state = ${move.from}`;

const added = ({ kid, alg, publicJwk, custody, sealed, state }: NewSigningKey, at: Date) =>
  Prisma.sql`
    INSERT INTO signing_key (kid, alg, public_jwk, custody, sealed, state, created_at, active_at)
    VALUES (${kid}, ${alg}, ${JSON.stringify(publicJwk)}::jsonb, ${custody}, ${bytes(sealed)}, ${state},
      ${at}::timestamptz, ${state === 'active' ? at : null}::timestamptz)
    ON CONFLICT DO NOTHING`;

const LOCKED = Prisma.sql`EXISTS (SELECT FROM lock AS l WHERE l.target = 'key:' || k.kid) AS locked`;

const bytes = (buffer: Buffer): Uint8Array<ArrayBuffer> => new Uint8Array(buffer);

interface KeyRow {
  readonly kid: string;
  readonly alg: string;
  readonly public_jwk: JsonWebKey;
  readonly custody: string;
  readonly sealed: Uint8Array;
  readonly state: string;
  readonly created_at: Date;
  readonly active_at: Date | null;
  readonly retiring_at: Date | null;
  readonly publish_until: Date | null;
  readonly retired_at: Date | null;
  readonly revoked_at: Date | null;
  readonly rotation_asked_at: Date | null;
  readonly locked: boolean;
}

const toRecord = (row: KeyRow): SigningKeyRecord => ({
  kid: row.kid,
  alg: row.alg as SigningAlgorithm,
  publicJwk: row.public_jwk,
  custody: row.custody,
  sealed: Buffer.from(row.sealed),
  state: row.state as KeyState,
  createdAt: row.created_at,
  activeAt: row.active_at ?? undefined,
  retiringAt: row.retiring_at ?? undefined,
  publishUntil: row.publish_until ?? undefined,
  retiredAt: row.retired_at ?? undefined,
  revokedAt: row.revoked_at ?? undefined,
  rotationAskedAt: row.rotation_asked_at ?? undefined,
  locked: row.locked,
});
