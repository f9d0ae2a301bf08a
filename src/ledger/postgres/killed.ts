import type { Residual } from '../ledger.ts';
import { type LockTarget, REDIRECT_TTL } from '../records.ts';
import type { Database } from './client.ts';
import { Prisma } from './generated/client.ts';
import { isRevoked } from './tokens.ts';

/** What a revocation receipt counts: what it ends, and what it cannot reach. */

type Reader = Pick<Database, '$queryRaw'>;

export interface Killed {
  readonly tokens: number;
  readonly derived: number;
  readonly tickets: number;
}

/** The column of `issued_token` that names a target of each kind: a closed set, never a caller's text. */
const COLUMNS: Readonly<Record<string, Prisma.Sql>> = {
  token: Prisma.sql`t.token_id`,
  app: Prisma.sql`t.app_id`,
  user: Prisma.sql`t.user_id`,
  device: Prisma.sql`t.device_id`,
  issuer: Prisma.sql`t.issuer_id`,
  tenant: Prisma.sql`t.tenant_id`,
  key: Prisma.sql`t.signing_key`,
};

const named = (target: LockTarget): Prisma.Sql => {
  const kind = target.slice(0, target.indexOf(':'));
  const column = COLUMNS[kind];
  if (!column) throw new Error(`no tokens are named by a ${kind}`);
  return Prisma.sql`${column} = ${target.slice(kind.length + 1)}`;
};

const T = Prisma.raw('t');

/** Live tokens the target names, live tokens derived from those, and live tickets of both. */
export const countKilled = async (
  reader: Reader,
  target: LockTarget,
  at: Date,
): Promise<Killed & { readonly latest: Date | undefined }> => {
  const [row] = await reader.$queryRaw<
    { tokens: bigint; derived: bigint; tickets: bigint; latest: Date | null }[]
  >`
    WITH direct AS (
      SELECT t.token_id, t.issued_at FROM issued_token AS t
      WHERE ${named(target)} AND t.expires_at > ${at}::timestamptz AND NOT ${isRevoked(T)}
    ), derived AS (
      SELECT DISTINCT t.token_id, t.issued_at
      FROM issued_token AS a
      JOIN derivation AS d ON d.ancestor_id = a.token_id
      JOIN issued_token AS t ON t.token_id = d.child_id
      WHERE a.token_id IN (SELECT t.token_id FROM issued_token AS t WHERE ${named(target)})
        AND t.expires_at > ${at}::timestamptz AND NOT (${named(target)}) AND NOT ${isRevoked(T)}
    )
    SELECT (SELECT count(*) FROM direct) AS tokens, (SELECT count(*) FROM derived) AS derived,
      (SELECT count(*) FROM ticket AS t WHERE t.expires_at > ${at}::timestamptz AND t.used_at IS NULL
        AND t.token_hash IS NOT NULL AND ${target} = ANY (t.lineage) AND NOT ${isRevoked(T)}) AS tickets,
      (SELECT max(issued_at) FROM (TABLE direct UNION ALL TABLE derived) AS every) AS latest`;
  return {
    tokens: Number(row?.tokens ?? 0),
    derived: Number(row?.derived ?? 0),
    tickets: Number(row?.tickets ?? 0),
    latest: row?.latest ?? undefined,
  };
};

/** When the URL that ticket `t` gave out dies; NULL where it has given out none. */
const URL_END = Prisma.sql`CASE
  WHEN t.delivery = 'presigned' THEN t.expires_at
  WHEN t.delivery = 'redirect' AND t.used_at IS NOT NULL
    THEN least(t.expires_at, t.used_at + make_interval(secs => ${REDIRECT_TTL}::int))
END`;

/** What others honour without asking us: presigned URLs, and tokens that are verified offline. */
export const countResidual = async (
  reader: Reader,
  target: LockTarget,
  at: Date,
): Promise<readonly Residual[]> => {
  const rows = await reader.$queryRaw<
    { kind: Residual['kind']; provider: string | null; count: bigint; usable_until: Date }[]
  >`
    SELECT 'presigned_put' AS kind, b.definition ->> 'provider' AS provider,
      count(*) AS count, max(o.upload_expires_at) AS usable_until
    FROM stored_object AS o LEFT JOIN bucket AS b ON b.id = o.bucket_id
    WHERE o.status = 'pending' AND o.upload_expires_at > ${at}::timestamptz AND ${target} = ANY (o.lineage)
    GROUP BY 2
    UNION ALL
    SELECT 'presigned_get', b.definition ->> 'provider', count(*), max(${URL_END})
    FROM ticket AS t JOIN stored_object AS o USING (object_id) LEFT JOIN bucket AS b ON b.id = o.bucket_id
    WHERE ${URL_END} > ${at}::timestamptz AND ${target} = ANY (t.lineage)
    GROUP BY 2
    UNION ALL
    SELECT 'jwt', NULL, count(*), max(t.expires_at) FROM issued_token AS t
    WHERE t.format = 'jwt' AND t.expires_at > ${at}::timestamptz AND ${target} = ANY (t.lineage)
    HAVING count(*) > 0`;
  return rows.map((row) => ({
    kind: row.kind,
    provider: row.provider ?? undefined,
    count: Number(row.count),
    usableUntil: row.usable_until,
  }));
};
