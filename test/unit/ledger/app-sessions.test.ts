import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { createAppSessions } from '../../../src/ledger/postgres/app-sessions.ts';
import { type Database, openDatabase } from '../../../src/ledger/postgres/client.ts';
import { freshDatabase, type TestDatabase } from '../../support/postgres.ts';

/** Two instances that look for the same logouts to deliver. */

let server: TestDatabase;
let databases: readonly [Database, Database];
let owner: pg.Client;
beforeAll(async () => {
  server = await freshDatabase();
  const open = () => openDatabase({ url: server.url, onConnectionError: () => undefined });
  databases = [open(), open()];
  owner = new pg.Client({ connectionString: server.url });
  await owner.connect();
  for (const database of databases) await database.$queryRaw`SELECT 1`;
}, 60_000);
afterAll(async () => {
  await owner.end();
  for (const database of databases) await database.$disconnect();
  await server.drop();
});

const NOW = new Date('2026-11-22T12:00:00Z');
const later = (seconds: number): Date => new Date(NOW.getTime() + seconds * 1000);
const SHARE = { limit: 20, perApp: 20, except: [] };
const ENDED = 60;

const take = (database: Database, now = NOW, share = SHARE) =>
  createAppSessions(database).take(now, new Date(now.getTime() + 30_000), share);

beforeEach(async () => {
  await owner.query('DELETE FROM app_session');
  await owner.query(
    `INSERT INTO app_session (sid, app_id, tenant_id, user_id, expires_at, attempts, tell_at)
     SELECT 'sid-' || lpad(n::text, 3, '0'), 'app-' || n % 3, 'acme', 'u_1', $1, 0, $2 FROM generate_series(1, $3) AS n`,
    [later(3600), NOW, ENDED],
  );
});

describe('logouts that apps are to be told of', () => {
  it('are each taken by one of the instances that ask at once, and all are taken', async () => {
    const taken: string[] = [];
    const instance = async (database: Database): Promise<void> => {
      for (let found = await take(database); found.length > 0; found = await take(database))
        taken.push(...found.map(({ sid }) => sid));
    };
    await Promise.all([...databases, ...databases].map(instance));
    expect(taken).toHaveLength(ENDED);
    expect(new Set(taken).size).toBe(ENDED);
  });

  it('are not waited for where another instance has them in hand', async () => {
    await owner.query('BEGIN');
    await owner.query(`SELECT FROM app_session WHERE sid <= 'sid-010' FOR UPDATE`);
    const free = await take(databases[0], NOW, { ...SHARE, limit: ENDED, perApp: ENDED });
    await owner.query('ROLLBACK');
    expect(free).toHaveLength(ENDED - 10);
    expect(free.map(({ sid }) => sid)).not.toContain('sid-010');
  });

  it('go to another instance once whoever took them has said nothing for as long as the lease', async () => {
    const all = { ...SHARE, limit: ENDED, perApp: ENDED };
    expect(await take(databases[0], NOW, all)).toHaveLength(ENDED);
    expect(await take(databases[1], later(29), all)).toEqual([]);
    const again = await take(databases[1], later(30), all);
    expect(again).toHaveLength(ENDED);
    expect(again[0]).toMatchObject({ attempts: 2 });
  });
});
