import type pg from 'pg';

/** What a database holds before anything is measured in it. */
export interface Fill {
  /** Live tokens, an hour from their end. */
  readonly tokens: number;
  /** Of those, how many one app (`app0`) holds; fifty others have the rest. */
  readonly ofOneApp: number;
  readonly auditEvents: number;
  /** Revocations of other tokens that came before. */
  readonly revocations: number;
}

/** People, each with a device. */
const PEOPLE = 20_000;
/** Rows of one statement: what is written at once is also held at once. */
const SLICE = 100_000;
/** Statements at once. */
const LANES = 3;

const padded = (expression: string): string => `lpad((${expression})::text, 26, '0')`;
const series = (from: number, to: number): string => `generate_series(${from}, ${to}) AS i`;

const people = `
INSERT INTO person SELECT 'u_' || ${padded('i')}, 'https://sso.example', 's' || i, 'corp', 'acme', now()
FROM ${series(0, PEOPLE - 1)};
INSERT INTO device SELECT 'd_' || i, 'k' || i, now() FROM ${series(0, PEOPLE - 1)}`;

/** Every tenth was derived from the one before it; every fourth is a JWT. */
const tokens = (from: number, to: number, ofOneApp: number): string => `
INSERT INTO issued_token (token_id, token_hash, format, tenant_id, app_id, issuer_id, issuer, subject, user_id,
  device_id, actors, attributes, resource, scopes, authorization_details, binding_method, thumbprint, parent_id,
  root_id, root_hash, root_expires_at, lineage, policy_digest, policies, request_id, issued_at, expires_at, grant_id,
  status_index)
SELECT 'tk_' || ${padded('i')}, sha256(i::text::bytea), CASE WHEN i % 4 = 0 THEN 'jwt' ELSE 'opaque' END, 'acme', app,
  'corp', 'https://sso.example', 's' || i % ${PEOPLE}, person, 'd_' || i % ${PEOPLE}, '[]', '{"roles":["builder"]}',
  'bucket:b', ARRAY['storage:bucket:b:write:prefix=/a/b/c/'], '[{"type":"daypass_storage"}]', 'dpop',
  'k' || i % ${PEOPLE}, CASE WHEN i % 10 = 0 THEN 'tk_' || ${padded('i - 1')} END, 'tk_' || ${padded('i')}, 'hash',
  now() + interval '1 hour',
  ARRAY['user:' || person, 'issuer:corp', 'tenant:acme', 'grant:g_' || i, 'app:' || app, 'token:tk_' || ${padded('i')},
    'device:d_' || i % ${PEOPLE}] || CASE WHEN i % 10 = 0 THEN ARRAY['token:tk_' || ${padded('i - 1')}] ELSE '{}' END,
  'digest', ARRAY['permit'], 'req', now() - interval '1 minute', now() + interval '1 hour', 'g_' || i,
  CASE WHEN i % 4 = 0 THEN ${PLACES_TAKEN} - i / 4 END
FROM (
  SELECT i, 'u_' || ${padded(`i % ${PEOPLE}`)} AS person,
    CASE WHEN i <= ${ofOneApp} THEN 'app0' ELSE 'app' || 1 + i % 50 END AS app
  FROM ${series(from, to)}
) AS made;
INSERT INTO derivation SELECT 'tk_' || ${padded('i')}, 'tk_' || ${padded('i - 1')}, 'subject'
FROM ${series(from, to)} WHERE i % 10 = 0`;

/** Places in status lists far from those that a broker takes next. */
const PLACES_TAKEN = 1_000_000_000_000;

/**
 * Issued over the last thirty days, one after the other as events come, each by someone at random: by time they are
 * neighbours, by person, device and app they are strewn over the whole table.
 */
const audit = (from: number, to: number, count: number): string => `
INSERT INTO audit_event (event_id, at, action, outcome, tenant_id, token_id, issuer, user_id, app_id, device_id,
  actors, scopes, resource, policy_digest, policies, ip, request_id, detail)
SELECT 'ev_' || ${padded('i')}, now() - interval '30 days' * (1 - i / ${count}::float8), 'token.issue', 'granted', 'acme',
  'tk_' || md5(i::text), 'https://sso.example', 'u_' || ${padded(`(random() * ${PEOPLE - 1})::int`)},
  'app' || (random() * 50)::int, 'd_' || (random() * ${PEOPLE - 1})::int, '[]',
  ARRAY['storage:bucket:b:write:prefix=/a/b/c/'], 'bucket:b', 'digest', ARRAY['permit'], '192.0.2.1', 'req_' || i,
  '{"expires_at":"2026-01-01T00:00:00.000Z"}'
FROM ${series(from, to)}`;

const revocations = (count: number): string => `
INSERT INTO lock SELECT 'rv_' || i, 'token:tk_' || ${padded('i * 7')}, 'acme', false, 'r', '{"tokens":1}', '[]', now(), 'u'
FROM ${series(1, count)}`;

/**
 * Writes all of it through the schema as it is, then has the planner look at it.
 *
 * @param owner connections of the server's owner, as many as may be: the server writes in haste meanwhile.
 */
export const fill = async (
  owner: Pick<pg.Pool, 'query'>,
  { tokens: live, ofOneApp, auditEvents, revocations: before }: Fill,
  say: (text: string) => void,
): Promise<void> => {
  const inSlices = async (
    what: string,
    count: number,
    statements: (from: number, to: number) => string,
  ): Promise<void> => {
    let next = 1;
    const lane = async (): Promise<void> => {
      while (next <= count) {
        const from = next;
        next += SLICE;
        say(`filling: ${from - 1} of ${count} ${what}`);
        await owner.query(statements(from, Math.min(count, next - 1)));
      }
    };
    await Promise.all(Array.from({ length: LANES }, lane));
  };
  // Nobody is answered meanwhile, so nothing need be on disk before the end.
  await configure(owner, (name, value) => `SET ${name} = '${value}'`);
  await owner.query(people);
  await Promise.all([
    inSlices('tokens', live, (from, to) => tokens(from, to, ofOneApp)),
    inSlices('audit events', auditEvents, (from, to) => audit(from, to, auditEvents)),
  ]);
  if (before > 0) await owner.query(revocations(before));
  say('filling: VACUUM ANALYZE');
  for (const table of ['issued_token', 'derivation', 'audit_event', 'lock', 'revocation_event']) {
    await owner.query(`VACUUM ANALYZE ${table}`);
  }
  await owner.query('ANALYZE');
  say('filling: CHECKPOINT');
  await configure(owner, (name) => `RESET ${name}`);
  // What the filling still has to write is not what is measured.
  await owner.query('CHECKPOINT');
};

/** Every index is there from the first row on, as in a database that has grown; what is left out is the waiting. */
const IN_HASTE = {
  fsync: 'off',
  full_page_writes: 'off',
  synchronous_commit: 'off',
  checkpoint_timeout: '1d',
  autovacuum: 'off',
};

const configure = async (
  owner: Pick<pg.Pool, 'query'>,
  change: (name: string, value: string) => string,
): Promise<void> => {
  for (const [name, value] of Object.entries(IN_HASTE)) {
    await owner.query(`ALTER SYSTEM ${change(name, value)}`);
  }
  await owner.query('SELECT pg_reload_conf()');
};
