import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import type { Holder, ObjectStep, Objects } from '../../../src/ledger/ledger.ts';
import { createObjectSteps } from '../../../src/ledger/postgres/object-steps.ts';
import { openStatements, type Statements } from '../../../src/ledger/postgres/statements.ts';
import { freshDatabase, type TestDatabase } from '../../support/postgres.ts';

let server: TestDatabase;
let statements: Statements;
let owner: pg.Client;
let advance: Objects['advance'];
beforeAll(async () => {
  server = await freshDatabase();
  owner = new pg.Client({ connectionString: server.url });
  await owner.connect();
  statements = openStatements({ url: server.url, onConnectionError: () => undefined });
  advance = createObjectSteps(statements).advance;
}, 60_000);
afterAll(async () => {
  await owner.end();
  await statements.close();
  await server.drop();
});

const NOW = new Date(1_790_035_200_000);
const COUNTERS = ['bytes:a', 'uploads:b'];

let made = 0;
/** An upload that took one from each counter. */
const upload = async (status = 'pending', lineage: readonly string[] = []): Promise<string> => {
  made += 1;
  const objectId = `ob_${String(made).padStart(4, '0')}`;
  const reserved = COUNTERS.map((id) => ({ id, window_seconds: 3_600, amount: 1 }));
  await owner.query(
    `INSERT INTO stored_object (object_id, tenant_id, bucket_id, app_id, token_id, lineage, staging_key, key,
       file_name, content_type, size, status, created_at, upload_expires_at, reserved)
     VALUES ($1, 'acme', 'menus', 'where2eat', 'tk_1', $2, 's/' || $1, 'k/' || $1, 'a.png', 'image/png', 10, $3, $4, $4, $5)`,
    [objectId, lineage, status, NOW, JSON.stringify(reserved)],
  );
  return objectId;
};

const step = (
  objectId: string,
  from: ObjectStep['from'],
  to: ObjectStep['to'],
  more: Partial<ObjectStep> = {},
): ObjectStep => ({
  objectId,
  from,
  to,
  at: NOW,
  audit: { at: NOW, action: `upload.${to}`, outcome: 'granted', objectId },
  ...more,
});

const rowOf = async (objectId: string) =>
  (await owner.query('SELECT * FROM stored_object WHERE object_id = $1', [objectId])).rows[0];

const eventsOf = async (objectId: string): Promise<string[]> =>
  (
    await owner.query('SELECT action FROM audit_event WHERE object_id = $1 ORDER BY action', [
      objectId,
    ])
  ).rows.map(({ action }) => action);

const HELD: Holder = {
  keys: ['token:tk_asks'],
  authorities: [{ key: 'token:tk_asks', since: NOW }],
};

const isWaiting = async (): Promise<boolean> => {
  const { rowCount } = await owner.query(
    `SELECT FROM pg_locks JOIN pg_database AS d ON d.oid = database
     WHERE datname = current_database() AND locktype = 'advisory' AND NOT granted`,
  );
  return rowCount !== 0;
};

const revoke = (target: string, { block = true, by = owner } = {}) =>
  by.query(
    `INSERT INTO lock (revocation_id, target, tenant_id, block, reason, killed, residual, effective_at, revoked_by)
     VALUES ($1, $2, 'acme', $3, 'a test', '{}', '[]', $4, 'u')`,
    [`rv_${target}`, target, block, NOW],
  );

describe('steps of uploads that are taken together', () => {
  it('answers each for itself, and writes an event for exactly those that were taken', async () => {
    const [a, b, c] = [await upload(), await upload('expired'), await upload()];
    const answers = await Promise.all([
      advance(step(a, ['pending'], 'uploaded')),
      advance(step(b, ['pending'], 'uploaded')),
      advance(step('ob_unknown', ['pending'], 'uploaded')),
      advance(step(c, ['pending'], 'uploaded')),
    ]);
    expect(answers).toEqual([undefined, 'moved_on', 'moved_on', undefined]);
    expect(await eventsOf(a)).toEqual(['upload.uploaded']);
    expect(await eventsOf(b)).toEqual([]);
    expect((await rowOf(c)).status).toBe('uploaded');
  });

  it('takes one of two that want the same object', async () => {
    const objectId = await upload('validating');
    const found = { size: 10, sha256: 'f'.repeat(64), contentType: 'image/png', revision: 'r1' };
    const answers = await Promise.all([
      advance(step(objectId, ['validating'], 'available', { found })),
      advance(step(objectId, ['validating'], 'rejected', { reason: 'a lie' })),
    ]);
    expect(answers).toEqual([undefined, 'moved_on']);
    expect(await rowOf(objectId)).toMatchObject({
      status: 'available',
      revision: 'r1',
      reason: null,
      settled_at: NOW,
    });
    expect(await eventsOf(objectId)).toEqual(['upload.available']);
  });

  it('makes nothing available that was revoked meanwhile, unless the security desk says so', async () => {
    const objectId = await upload('validating', ['token:tk_9']);
    await revoke('token:tk_9');
    expect(await advance(step(objectId, ['validating'], 'available'))).toBe('moved_on');
    expect(await advance(step(objectId, ['validating'], 'quarantined'))).toBeUndefined();
    const released = step(objectId, ['quarantined'], 'available', { despiteRevocation: true });
    expect(await advance(released)).toBeUndefined();
    expect((await rowOf(objectId)).apart_at).toEqual(NOW);
  });

  it.each([
    ['what the object came from', 'token:tk_made', 'moved_on', {}],
    ['whoever asks', 'token:tk_asks', 'revoked', { holder: HELD }],
  ] as const)(
    'sees a revocation of %s that began before it and ends after',
    async (_, target, refusal, more) => {
      const objectId = await upload('validating', ['token:tk_made']);
      const desk = new pg.Client({ connectionString: server.url });
      await desk.connect();
      try {
        await desk.query('BEGIN');
        await desk.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [target]);
        let answered = false;
        const answer = advance(step(objectId, ['validating'], 'available', more)).finally(() => {
          answered = true;
        });
        for (let tries = 0; tries < 300 && !answered && !(await isWaiting()); tries += 1)
          await pause(10);
        await revoke(target, { block: false, by: desk });
        await desk.query('COMMIT');
        expect(await answer).toBe(refusal);
        expect((await rowOf(objectId)).status).toBe('validating');
      } finally {
        await desk.end();
      }
    },
  );

  it('refuses a holder who was blocked or revoked, and nobody beside', async () => {
    const [a, b, c] = [await upload(), await upload(), await upload()];
    await revoke('app:blocked');
    await revoke('user:gone', { block: false });
    const answers = await Promise.all([
      advance(
        step(a, ['pending'], 'uploaded', { holder: { keys: ['app:blocked'], authorities: [] } }),
      ),
      advance(
        step(b, ['pending'], 'uploaded', {
          holder: { keys: [], authorities: [{ key: 'user:gone', since: NOW }] },
        }),
      ),
      advance(step(c, ['pending'], 'uploaded', { holder: { keys: ['app:x'], authorities: [] } })),
    ]);
    expect(answers).toEqual(['blocked', 'revoked', undefined]);
    expect((await rowOf(a)).status).toBe('pending');
    expect(await eventsOf(b)).toEqual([]);
  });

  it('gives back what came to nothing, once, whatever runs beside it', async () => {
    for (const id of COUNTERS) {
      await owner.query(
        'INSERT INTO quota_counter (id, window_start, used, before, expires_at) VALUES ($1, $2, 100, 0, $2)',
        [id, NOW],
      );
    }
    const ids: string[] = [];
    for (let count = 0; count < 40; count += 1) ids.push(await upload());
    // Two instances, which see the same uploads in another order.
    const other = openStatements({ url: server.url, onConnectionError: () => undefined });
    const there = createObjectSteps(other);
    const expire = (objectId: string) => step(objectId, ['pending'], 'expired');
    const answers = await Promise.all([
      ...ids.map((objectId) => advance(expire(objectId))),
      ...ids.toReversed().map((objectId) => there.advance(expire(objectId))),
    ]);
    await other.close();
    expect(answers.filter((answer) => answer === undefined)).toHaveLength(40);
    const { rows } = await owner.query('SELECT used::int FROM quota_counter ORDER BY id');
    expect(rows).toEqual([{ used: 60 }, { used: 60 }]);
  });

  it('lets nobody else fail for what one of them says', async () => {
    const [good, bad] = [await upload(), await upload()];
    const [answer, failed] = await Promise.allSettled([
      advance(step(good, ['pending'], 'uploaded')),
      advance(step(bad, ['pending'], 'uploaded', { reason: 'a \u0000 in it' })),
    ]);
    expect(answer).toEqual({ status: 'fulfilled', value: undefined });
    expect(failed.status).toBe('rejected');
    expect((await rowOf(bad)).status).toBe('pending');
  });

  it('records class, basis and place as the token has them, where the event does not say', async () => {
    const objectId = await upload();
    await owner.query(
      `INSERT INTO issued_token SELECT t.* FROM jsonb_populate_record(NULL::issued_token, $1) AS t`,
      [TOKEN],
    );
    const audit = { ...step(objectId, [], 'uploaded').audit, tokenId: 'tk_1' };
    await advance(step(objectId, ['pending'], 'uploaded', { audit }));
    const { rows } = await owner.query(
      'SELECT classification, residency FROM audit_event WHERE object_id = $1',
      [objectId],
    );
    expect(rows).toEqual([{ classification: 'internal', residency: 'eu' }]);
  });
});

/** What a token's row must have. */
const TOKEN = {
  token_id: 'tk_1',
  format: 'opaque',
  tenant_id: 'acme',
  app_id: 'where2eat',
  subject: 'ana',
  actors: [],
  attributes: {},
  resource: 'bucket:menus',
  authorization_details: [],
  root_id: 'tk_1',
  policy_digest: 'digest',
  request_id: 'req',
  issued_at: NOW,
  expires_at: NOW,
  classification: 'internal',
  residency: 'eu',
};
