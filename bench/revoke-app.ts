import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { startEmbeddedPostgres } from '../src/demo/embedded-postgres.ts';
import { migrate } from '../src/ledger/postgres/migrate.ts';
import { openPostgresLedger } from '../src/ledger/postgres/postgres-ledger.ts';
import type { LockTarget } from '../src/ledger/records.ts';

/**
 * How long a revocation takes among many tokens: `node bench/revoke-app.ts [--tokens 1000000] [--live 100000]`.
 * One app holds `--live` of the tokens that are alive, fifty others the rest; every tenth token was derived from
 * the one before it, every fourth is a JWT, and 5,000 revocations came before.
 */

const { values } = parseArgs({
  options: {
    tokens: { type: 'string', default: '300000' },
    live: { type: 'string', default: '100000' },
  },
});
const all = Number(values.tokens);
const live = Number(values.live);

const id = (expression: string): string => `lpad((${expression})::text, 26, '0')`;
const FILL = `
INSERT INTO issued_token (token_id, token_hash, format, tenant_id, app_id, issuer_id, issuer, subject, user_id,
  device_id, actors, attributes, resource, scopes, authorization_details, binding_method, thumbprint, parent_id,
  root_id, root_hash, root_expires_at, lineage, policy_digest, policies, request_id, issued_at, expires_at, grant_id,
  status_index)
SELECT 'tk_' || ${id('i')}, sha256(i::text::bytea), CASE WHEN i % 4 = 0 THEN 'jwt' ELSE 'opaque' END, 'acme', app,
  'corp', 'https://sso.example', 's' || i % 20000, person, 'd_' || i % 20000, '[]', '{"roles":["builder"]}', 'bucket:b',
  ARRAY['storage:bucket:b:write:prefix=/a/b/c/'], '[{"type":"daypass_storage"}]', 'dpop', 'k' || i % 20000,
  CASE WHEN i % 10 = 0 THEN 'tk_' || ${id('i - 1')} END, 'tk_' || ${id('i')}, 'hash', now() + interval '1 hour',
  ARRAY['user:' || person, 'issuer:corp', 'tenant:acme', 'grant:g_' || i, 'app:' || app, 'token:tk_' || ${id('i')},
    'device:d_' || i % 20000] || CASE WHEN i % 10 = 0 THEN ARRAY['token:tk_' || ${id('i - 1')}] ELSE '{}' END,
  'digest', ARRAY['permit'], 'req', now() - interval '1 minute', now() + interval '1 hour', 'g_' || i,
  CASE WHEN i % 4 = 0 THEN i / 4 END
FROM (
  SELECT i, 'u_' || ${id('i % 20000')} AS person, CASE WHEN i <= ${live} THEN 'app0' ELSE 'app' || 1 + i % 50 END AS app
  FROM generate_series(1, ${all}) AS i
) AS made;
INSERT INTO derivation SELECT 'tk_' || ${id('i')}, 'tk_' || ${id('i - 1')}, 'subject' FROM generate_series(10, ${all}, 10) AS i;
INSERT INTO lock SELECT 'rv_' || i, 'token:tk_' || ${id('i * 7')}, 'acme', false, 'r', '{"tokens":1}', '[]', now(), 'u'
FROM generate_series(1, 5000) AS i;
VACUUM ANALYZE issued_token; ANALYZE`;

const dir = await mkdtemp(join(tmpdir(), 'daypass-bench-'));
const server = await startEmbeddedPostgres({ dir });
try {
  await migrate(server.url, join(import.meta.dirname, '../prisma/migrations'));
  const owner = new pg.Client({ connectionString: server.url });
  await owner.connect();
  for (const statement of FILL.split(';')) await owner.query(statement);
  await owner.end();
  const ledger = openPostgresLedger({
    url: server.url,
    onConnectionError: () => undefined,
    localTime: () => performance.timeOrigin + performance.now(),
  });
  await ledger.clock.synchronise();

  const revoke = async (target: LockTarget): Promise<void> => {
    const at = ledger.clock.now();
    const started = performance.now();
    const { killed } = await ledger.revocations.revoke({
      revocationId: `rv_of_${target}`,
      target,
      tenantId: 'acme',
      block: true,
      reason: 'bench',
      containObjects: false,
      holder: { keys: [], authorities: [] },
      by: 'u',
      audit: { at, action: 'revocation.create', outcome: 'granted' },
    });
    const milliseconds = Math.round(performance.now() - started);
    process.stdout.write(`${JSON.stringify({ target, milliseconds, ...killed })}\n`);
  };
  await revoke(`token:tk_${String(live + 1).padStart(26, '0')}`); // connections are made
  await revoke(`token:tk_${String(live + 3).padStart(26, '0')}`);
  await revoke(`user:u_${'19000'.padStart(26, '0')}`);
  await revoke('app:app0');
  await revoke('issuer:corp');
  await ledger.close();
} finally {
  await server.stop();
  await rm(dir, { recursive: true, force: true });
}
