import type { Residual } from '../ledger.ts';
import { type LockTarget, REDIRECT_TTL, type TargetKind } from '../records.ts';
import type { Database } from './client.ts';
import { Prisma } from './generated/client.ts';

/** What a revocation receipt counts: what it ends, and what it cannot reach. */

type Transaction = Parameters<Parameters<Database['$transaction']>[0]>[0];

/** Milliseconds that counting may take: what is counted is dead meanwhile. */
export const PATIENT = 60_000;

/**
 * What was alive till now: tokens the target names; tokens derived from those, or in which somebody acts whom it
 * names; and what else they led to.
 */
export interface Killed {
  readonly tokens: number;
  readonly derived: number;
  readonly refreshFamilies: number;
  /** Not used yet. */
  readonly tickets: number;
}

/** A revocation that is in force: which one, and since when. */
export interface InForce {
  readonly revocationId: string;
  readonly target: LockTarget;
  readonly effectiveAt: Date;
  /** Whose sign-in it ended, where that is known. */
  readonly userId: string | null;
}

export interface Counted {
  readonly killed: Killed;
  /** What others honour without asking us: presigned URLs, and tokens that are verified offline. */
  readonly residual: readonly Residual[];
}

/** The column of `issued_token` that names a target of each kind: a closed set, never a caller's text. */
const COLUMNS: Readonly<Record<TargetKind, Prisma.Sql>> = {
  token: Prisma.sql`token_id`,
  grant: Prisma.sql`grant_id`,
  app: Prisma.sql`app_id`,
  user: Prisma.sql`user_id`,
  device: Prisma.sql`device_id`,
  issuer: Prisma.sql`issuer_id`,
  tenant: Prisma.sql`tenant_id`,
  key: Prisma.sql`signing_key`,
  // Ours for a session is in the lineage alone: two issuers may give theirs the same name.
  session: Prisma.sql`(SELECT substr(name, 9) FROM unnest(lineage) AS name WHERE name LIKE 'session:%' LIMIT 1)`,
};

/** What came of a sign-in: its tokens may have a grant of their own, and an index finds those of its person. */
const OF_SIGN_INS: ReadonlySet<TargetKind> = new Set(['grant', 'session']);

/** Whether a row of `issued_token` is named by the target itself. */
const isNamedBy = ({ target, userId }: InForce): Prisma.Sql => {
  const [kind, id] = partsOf(target);
  return userId !== null && OF_SIGN_INS.has(kind)
    ? Prisma.sql`(user_id = ${userId} AND ${target} = ANY (lineage))`
    : Prisma.sql`(${columnOf(target)} = ${id})`;
};

/** What the sign-in of an actor brings into a lineage, which no column of the token and no ancestor of it names. */
const OF_ACTORS: ReadonlySet<TargetKind> = new Set([
  'user',
  'grant',
  'session',
  'issuer',
  'tenant',
]);

/** The kind and the id of a target. */
export const partsOf = (target: LockTarget): readonly [TargetKind, string] => {
  const separator = target.indexOf(':');
  return [target.slice(0, separator) as TargetKind, target.slice(separator + 1)];
};

/** The column that names it. */
export const columnOf = (target: LockTarget): Prisma.Sql => COLUMNS[partsOf(target)[0]];

/**
 * Counts what a revocation ended in the moment it took effect. It may be counted at any time after: what was
 * dead by then is told by the revocations committed before it, which the order of events says.
 */
export const countReached = async (reader: Transaction, revocation: InForce): Promise<Counted> => {
  // Room for the tokens of a large app: on disk they take twice as long.
  await reader.$executeRaw`SELECT set_config('work_mem', '64MB', true), set_config('jit', 'off', true),
    set_config('statement_timeout', ${String(PATIENT)}, true)`;
  const [event] = await reader.$queryRaw<{ position: bigint }[]>`
    SELECT coalesce(min(position), 0) AS position FROM revocation_event
    WHERE revocation_id = ${revocation.revocationId} AND NOT lifted`;
  const position = event?.position ?? 0n;
  const { jwt, ...tokens } = await countTokens(reader, revocation, position);
  return {
    killed: {
      ...tokens,
      refreshFamilies: await countFamilies(reader, revocation, position),
      tickets: await countTickets(reader, revocation, position),
    },
    residual: [...(await countUrls(reader, revocation)), ...jwt],
  };
};

/**
 * The tokens a target reaches, counted in one pass over those alive, whatever was issued before: nothing
 * derived outlives what it came from, so the living descend from the living.
 *
 * Which of them an earlier revocation had ended is asked of all at once; one by one (`isRevoked`) it takes
 * minutes for a tenant of a million.
 */
const countTokens = async (reader: Transaction, revocation: InForce, position: bigint) => {
  const { target, effectiveAt } = revocation;
  const [kind] = partsOf(target);
  const isNamed = isNamedBy(revocation);
  const rows = await reader.$queryRaw<
    { named: boolean; alive: bigint; jwts: bigint; jwts_until: Date | null }[]
  >`
    WITH direct AS MATERIALIZED (
      SELECT token_id, format, lineage, issued_at, expires_at, true AS named FROM issued_token
      WHERE ${isNamed} AND expires_at > ${effectiveAt}::timestamptz
        AND issued_at <= ${effectiveAt}::timestamptz
    ), acted AS MATERIALIZED (
      SELECT token_id, format, lineage, issued_at, expires_at, false AS named FROM issued_token
      WHERE ${OF_ACTORS.has(kind)}::boolean AND actors <> '[]' AND expires_at > ${effectiveAt}::timestamptz
        AND issued_at <= ${effectiveAt}::timestamptz AND ${target} = ANY (lineage)
        AND ${isNamed} IS NOT TRUE
    ), derived AS MATERIALIZED (
      SELECT token_id, format, lineage, issued_at, expires_at, false AS named FROM issued_token
      WHERE token_id = ANY (ARRAY(
          SELECT DISTINCT d.child_id FROM derivation AS d JOIN direct ON d.ancestor_id = direct.token_id
        ))
        AND expires_at > ${effectiveAt}::timestamptz AND issued_at <= ${effectiveAt}::timestamptz
        AND ${isNamed} IS NOT TRUE AND token_id NOT IN (SELECT token_id FROM acted)
    ), reached AS (
      TABLE direct UNION ALL TABLE acted UNION ALL TABLE derived
    ), keys AS MATERIALIZED (
      -- Apart, so that both are read once: joined to each token's own, all revocations are read for each token.
      SELECT token_id, issued_at, key FROM reached, unnest(lineage) AS key
    ), before AS MATERIALIZED (
      ${BROAD.has(kind) ? allBefore(position) : eachBefore(position)}
    ), dead AS (
      SELECT DISTINCT k.token_id FROM keys AS k JOIN before AS b ON b.target = k.key
      WHERE b.target LIKE 'token:%' OR b.effective_at >= k.issued_at
    )
    SELECT named, count(*) FILTER (WHERE dead.token_id IS NULL) AS alive,
      count(*) FILTER (WHERE format = 'jwt') AS jwts,
      max(expires_at) FILTER (WHERE format = 'jwt') AS jwts_until
    FROM reached LEFT JOIN dead USING (token_id) GROUP BY named`;
  const alive = (named: boolean): number =>
    Number(rows.find((row) => row.named === named)?.alive ?? 0);
  return { tokens: alive(true), derived: alive(false), jwt: usableOffline(rows) };
};

/** What reaches so many tokens that all the revocations since the oldest are read sooner than those of each key. */
const BROAD: ReadonlySet<TargetKind> = new Set(['app', 'issuer', 'tenant', 'key']);

const allBefore = (position: bigint): Prisma.Sql => Prisma.sql`
  SELECT target, max(effective_at) AS effective_at FROM revocation_event
  WHERE position < ${position} AND NOT lifted AND effective_at >= (SELECT min(issued_at) FROM reached)
  GROUP BY target`;

/** By the index on targets, however many others have been revoked meanwhile. */
const eachBefore = (position: bigint): Prisma.Sql => Prisma.sql`
  SELECT b.target, b.effective_at FROM (SELECT DISTINCT key FROM keys) AS k, LATERAL (
    SELECT target, max(effective_at) AS effective_at FROM revocation_event
    WHERE target = k.key AND position < ${position} AND NOT lifted
    GROUP BY target
  ) AS b`;

/** Also those that were revoked before: who verifies offline honours them still. */
const usableOffline = (
  rows: readonly { readonly jwts: bigint; readonly jwts_until: Date | null }[],
): readonly Residual[] => {
  const count = rows.reduce((sum, { jwts }) => sum + Number(jwts), 0);
  const ends = rows.flatMap(({ jwts_until }) => jwts_until ?? []);
  if (count === 0) return [];
  const usableUntil = new Date(Math.max(...ends.map((end) => end.getTime())));
  return [{ kind: 'jwt', provider: undefined, count, usableUntil }];
};

const countFamilies = async (
  reader: Transaction,
  { target, effectiveAt }: InForce,
  position: bigint,
): Promise<number> => {
  const [row] = await reader.$queryRaw<{ families: bigint }[]>`
    SELECT count(*) AS families FROM refresh_family AS f
    WHERE f.lineage @> ARRAY[${target}::text] AND f.expires_at > ${effectiveAt}::timestamptz
      AND f.created_at <= ${effectiveAt}::timestamptz
      AND NOT EXISTS (
        SELECT FROM revocation_event AS b
        WHERE b.target = ANY (f.lineage) AND b.position < ${position} AND NOT b.lifted
          AND b.effective_at >= f.created_at)`;
  return Number(row?.families ?? 0);
};

const countTickets = async (
  reader: Transaction,
  { target, effectiveAt }: InForce,
  position: bigint,
): Promise<number> => {
  const [row] = await reader.$queryRaw<{ tickets: bigint }[]>`
    SELECT count(*) AS tickets FROM ticket AS t
    WHERE t.expires_at > ${effectiveAt}::timestamptz AND t.issued_at <= ${effectiveAt}::timestamptz
      AND t.used_at IS NULL AND t.token_hash IS NOT NULL AND ${target} = ANY (t.lineage)
      AND NOT EXISTS (
        SELECT FROM revocation_event AS b
        WHERE b.target = ANY (t.lineage) AND b.position < ${position} AND NOT b.lifted
          AND (b.target LIKE 'token:%' OR b.effective_at >= t.issued_at))`;
  return Number(row?.tickets ?? 0);
};

/** When the URL that ticket `t` gave out dies; NULL where it has given out none. */
const URL_END = Prisma.sql`CASE
  WHEN t.delivery = 'presigned' THEN t.expires_at
  WHEN t.delivery = 'redirect' AND t.used_at IS NOT NULL
    THEN least(t.expires_at, t.used_at + make_interval(secs => ${REDIRECT_TTL}::int))
END`;

const countUrls = async (
  reader: Transaction,
  { target, effectiveAt: at }: InForce,
): Promise<readonly Residual[]> => {
  const rows = await reader.$queryRaw<
    { kind: Residual['kind']; provider: string | null; count: bigint; usable_until: Date }[]
  >`
    SELECT 'presigned_put' AS kind, b.definition ->> 'provider' AS provider,
      sum(coalesce(p.parts, 1)) AS count, max(o.upload_expires_at) AS usable_until
    FROM stored_object AS o LEFT JOIN bucket AS b ON b.id = o.bucket_id
      LEFT JOIN part_upload AS p ON p.object_id = o.object_id AND p.ended_at IS NULL
    WHERE o.status = 'pending' AND o.upload_expires_at > ${at}::timestamptz AND ${target} = ANY (o.lineage)
    GROUP BY 2
    UNION ALL
    SELECT 'presigned_get', b.definition ->> 'provider', count(*), max(${URL_END})
    FROM ticket AS t JOIN stored_object AS o USING (object_id) LEFT JOIN bucket AS b ON b.id = o.bucket_id
    WHERE t.expires_at > ${at}::timestamptz AND ${URL_END} > ${at}::timestamptz AND ${target} = ANY (t.lineage)
    GROUP BY 2
    UNION ALL
    SELECT 'cloud_credentials', c.provider, count(*), max(c.expires_at)
    FROM cloud_credential AS c
    WHERE c.expires_at > ${at}::timestamptz AND c.issued_at <= ${at}::timestamptz
      AND c.lineage @> ARRAY[${target}::text]
    GROUP BY 2
    ORDER BY 1, 2`;
  return rows.map((row) => ({
    kind: row.kind,
    provider: row.provider ?? undefined,
    count: Number(row.count),
    usableUntil: row.usable_until,
  }));
};
