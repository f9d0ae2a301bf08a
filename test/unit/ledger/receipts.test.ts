import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import {
  openPostgresLedger,
  type PostgresLedger,
} from '../../../src/ledger/postgres/postgres-ledger.ts';
import type { LockTarget } from '../../../src/ledger/records.ts';
import { freshDatabase, type TestDatabase } from '../../support/postgres.ts';

let server: TestDatabase;
let ledger: PostgresLedger;
let owner: pg.Client;
let time = 1_790_000_000_000;
beforeAll(async () => {
  server = await freshDatabase();
  owner = new pg.Client({ connectionString: server.url });
  owner.on('error', () => undefined);
  await owner.connect();
  const onConnectionError = () => undefined;
  ledger = openPostgresLedger({ url: server.url, onConnectionError, localTime: () => time });
}, 60_000);
afterAll(async () => {
  await ledger.close();
  await owner.end();
  await server.drop();
});

/** Tokens `${app}-1` and on, of ten people in turn; each tenth was derived from the one before it. */
const fill = (app: string, tokens: number) =>
  owner.query(
    `WITH made AS (
      SELECT $1 || '-' || i AS id, $1 || '-' || i - 1 AS parent, $1 || '-person-' || i % 10 AS person, i % 10 = 0 AS derived
      FROM generate_series(1, $2::int) AS i
    ), child AS (
      INSERT INTO derivation (child_id, ancestor_id, via) SELECT id, parent, 'subject' FROM made WHERE derived
    )
    INSERT INTO issued_token (token_id, format, tenant_id, app_id, subject, user_id, actors, attributes, resource,
      scopes, authorization_details, root_id, lineage, policy_digest, policies, request_id, issued_at, expires_at)
    SELECT id, 'opaque', 'acme', $1, 's', person, '[]', '{}', 'r', '{}', '[]', id,
      ARRAY['tenant:acme', 'issuer:corp', 'app:' || $1, 'user:' || person, 'token:' || id]
        || CASE WHEN derived THEN ARRAY['token:' || parent] ELSE '{}' END,
      'd', '{}', 'q', $3, $3::timestamptz + interval '5 minutes' FROM made`,
    [app, tokens, new Date(time)],
  );

let count = 0;
const revoke = async (target: LockTarget, userId?: string) => {
  time += 1_000;
  count += 1;
  const revocationId = `rv_${String(count).padStart(6, '0')}`;
  const audit = { at: new Date(time), action: 'revocation.create', outcome: 'granted' } as const;
  const { killed } = await ledger.revocations.revoke({
    revocationId,
    target,
    tenantId: 'acme',
    userId,
    block: false,
    reason: 'test',
    containObjects: false,
    holder: { keys: [], authorities: [] },
    by: 'u',
    audit,
  });
  return { revocationId, tokens: killed.tokens, derived: killed.derived };
};

describe('a receipt', () => {
  it.each([
    ['few tokens', 40],
    ['many tokens', 600],
  ])('counts of %s those that nothing had ended before', async (_, tokens) => {
    const app = `app${tokens}`;
    const person = tokens / 10;
    await fill(app, tokens);
    // What was ended for others, and long ago, is nothing to these.
    await fill(`other-${app}`, 20);
    await revoke(`app:other-${app}`);

    expect(await revoke(`token:${app}-9`)).toMatchObject({ tokens: 1, derived: 1 });
    expect(await revoke(`token:${app}-9`)).toMatchObject({ tokens: 0, derived: 0 });
    expect(await revoke(`token:${app}-20`)).toMatchObject({ tokens: 1, derived: 0 });
    expect(await revoke(`token:${app}-19`)).toMatchObject({ tokens: 1, derived: 0 });
    expect(await revoke(`token:${app}-13`)).toMatchObject({ tokens: 1, derived: 0 });
    const { revocationId, ...ofPerson } = await revoke(`user:${app}-person-3`);
    expect(ofPerson).toEqual({ tokens: person - 1, derived: 0 });
    // Lifting revives nothing, so it counts as before.
    const audit = { at: new Date(time), action: 'revocation.lift', outcome: 'granted' } as const;
    await ledger.revocations.lift(revocationId, 'u', { keys: [], authorities: [] }, audit);

    const left = tokens - 4 - person;
    expect(await revoke(`app:${app}`)).toMatchObject({ tokens: left, derived: 0 });
    expect(await revoke(`app:${app}`)).toMatchObject({ tokens: 0, derived: 0 });
  });

  it.each(['grant:of-sign-in', 'session:of-sign-in'] as const)(
    'counts what came of the sign-in that %s ends, though it has a grant of its own',
    async (target) => {
      const app = target.replace(':', '-');
      await fill(app, 40);
      await owner.query(
        `UPDATE issued_token SET lineage = lineage || ARRAY[$1::text, 'grant:' || token_id], grant_id = token_id
      WHERE user_id = $2`,
        [target, `${app}-person-3`],
      );
      expect(await revoke(target, `${app}-person-3`)).toMatchObject({ tokens: 4, derived: 0 });
      expect(await revoke(target, `${app}-person-3`)).toMatchObject({ tokens: 0, derived: 0 });
    },
  );

  it('counts anew what was issued after a revocation of its app, and not what was revoked by itself', async () => {
    await fill('again', 20);
    await revoke('app:again');
    time += 1_000;
    await owner.query(
      'UPDATE issued_token SET issued_at = $1 WHERE app_id = $2 AND token_id <> $3',
      [new Date(time), 'again', 'again-1'],
    );
    await revoke('token:again-2');
    expect(await revoke('app:again')).toMatchObject({ tokens: 18, derived: 0 });
  });
});
