import { unavailable } from '../../protocol/oauth-error.ts';
import { createGroupCommit } from '../group-commit.ts';
import type { HeldToken } from '../ledger.ts';
import type { SeenProof } from '../records.ts';
import { isDataFault, orUnavailable, PATIENCE, tooLate } from './failure.ts';
import { type TokenJson, tokenFromJson } from './rows.ts';
import type { Statement, Statements } from './statements.ts';

/** One token, by the SHA-256 of its value (in hex) or by its id; and a proof to claim, where there is such a token. */
interface Asked {
  readonly hash?: string;
  readonly token_id?: string;
  readonly proof?: SeenProof | undefined;
}

type Found = { token: TokenJson; revoked: boolean; replayed: boolean } | null;

/** Whether row `t` (a token or a ticket) is dead: what it descends from was revoked after it was issued. */
export const isRevoked = (t: string): string => `EXISTS (
  SELECT FROM lock AS l WHERE l.target = ANY (${t}.lineage)
    AND (l.target LIKE 'token:%' OR l.effective_at >= ${t}.issued_at))`;

/**
 * Tokens as they are now, looked up together with whatever else is being asked: the statement leaves after the last
 * of those that share it has asked, so each sees what was revoked before (law 3). A row of so many columns
 * costs several times as much through the driver as in JSON.
 */
export const createTokenLookups = (
  statements: Statements,
): ((asked: Asked) => Promise<HeldToken | undefined>) => {
  const together = (statement: Statement) =>
    createGroupCommit<Asked, HeldToken | undefined>({
      write: async (asked) => {
        const batch = JSON.stringify(asked.map(toElement));
        const [row] = await statements.run<{ found: string }>(statement, [batch]);
        return (JSON.parse(row?.found ?? '[]') as Found[]).map(toHeld);
      },
      isItemsFault: isDataFault,
      maxItems: 64,
      maxInFlight: 2,
      maxWaiting: 2_000,
      overload: () => unavailable('token look-up queue is full'),
      patience: PATIENCE,
      late: tooLate,
    });
  const read = together(READING);
  const claim = together(CLAIMING);
  return (asked) => orUnavailable(() => (asked.proof ? claim(asked) : read(asked)));
};

const toElement = ({ proof, ...named }: Asked): object => ({
  ...named,
  ...(proof && { proof: proof.id, keep_until: proof.keepUntil }),
});

const toHeld = (found: Found): HeldToken | undefined =>
  found ? { ...found, token: tokenFromJson(found.token) } : undefined;

/** Those asked for, `n` in their order, each with its row `t` where there is one: by an index, however many there are. */
const ASKED = `
  ROWS FROM (jsonb_to_recordset($1::jsonb) AS (hash text, token_id text, proof text, keep_until timestamptz))
    WITH ORDINALITY AS a(hash, token_id, proof, keep_until, n)
  LEFT JOIN LATERAL (
    (SELECT * FROM issued_token WHERE token_hash = decode(a.hash, 'hex') LIMIT 1)
    UNION ALL
    (SELECT * FROM issued_token WHERE issued_token.token_id = a.token_id LIMIT 1)
  ) AS t ON true`;

/** @param replayed whether the proof of `a` had been seen before. */
const found = (replayed: string): string => `
  json_agg(CASE WHEN t.token_id IS NOT NULL THEN json_build_object(
    'token', to_json(t), 'revoked', ${isRevoked('t')}, 'replayed', ${replayed}
  ) END ORDER BY a.n)::text AS found`;

const READING: Statement = {
  name: 'read tokens',
  text: `SELECT ${found('false')} FROM ${ASKED}`,
};

/** A proof that two of them bring is the first one's. Sorted: those who claim the same proofs wait in one direction only. */
const CLAIMING: Statement = {
  name: 'read tokens and claim proofs',
  text: `
  WITH asked AS MATERIALIZED (SELECT a.n, a.proof, a.keep_until, t FROM ${ASKED}),
  wanted AS (
    SELECT DISTINCT ON (proof) proof, keep_until, n FROM asked
    WHERE proof IS NOT NULL AND (t).token_id IS NOT NULL ORDER BY proof, n
  ), claimed AS (
    INSERT INTO replay (id, expires_at) SELECT proof, keep_until FROM wanted ORDER BY proof
    ON CONFLICT DO NOTHING RETURNING id
  )
  SELECT ${found(`NOT EXISTS (
    SELECT FROM wanted AS w JOIN claimed AS c ON c.id = w.proof WHERE w.n = a.n
  )`)}
  FROM asked AS a, LATERAL (SELECT (a.t).*) AS t`,
};
