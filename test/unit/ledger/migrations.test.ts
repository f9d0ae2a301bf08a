import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { migrate } from '../../../src/ledger/postgres/migrate.ts';
import { schemaDifference } from '../../../src/ledger/postgres/schema-difference.ts';
import { emptyDatabase, freshDatabase, type TestDatabase } from '../../support/postgres.ts';

const PRISMA = join(import.meta.dirname, '../../../prisma');
const MIGRATIONS = join(PRISMA, 'migrations');
const SCHEMA = join(PRISMA, 'schema.prisma');

const rows = async (url: string, sql: string): Promise<Record<string, unknown>[]> => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
};

/** Returns when a connection of this database waits for an advisory lock. */
const waiting = async (url: string): Promise<void> => {
  const blocked = `SELECT FROM pg_locks JOIN pg_database ON pg_database.oid = database
    WHERE datname = current_database() AND locktype = 'advisory' AND NOT granted`;
  while ((await rows(url, blocked)).length === 0) await setTimeout(10);
};

describe('schema and migrations', () => {
  it('agree: what the migrations make is what the schema says', async () => {
    const database = await freshDatabase();
    try {
      expect(await schemaDifference(database.url, SCHEMA)).toBeUndefined();
    } finally {
      await database.drop();
    }
  });

  it('are seen to disagree when a column is missing', async () => {
    const database = await freshDatabase();
    try {
      await rows(database.url, 'ALTER TABLE tenant DROP COLUMN version CASCADE');
      expect(await schemaDifference(database.url, SCHEMA)).toContain(
        'ALTER TABLE "tenant" ADD COLUMN',
      );
    } finally {
      await database.drop();
    }
  });
});

describe('migrate', () => {
  let database: TestDatabase;
  let folder: string;

  beforeEach(async () => {
    database = await emptyDatabase();
    folder = await mkdtemp(join(tmpdir(), 'daypass-migrations-'));
    await cp(join(MIGRATIONS, 'migration_lock.toml'), join(folder, 'migration_lock.toml'));
    await migration('1_first', 'CREATE TABLE first (id int)');
  });

  afterEach(async () => {
    await database.drop();
    await rm(folder, { recursive: true });
  });

  const migration = async (name: string, sql: string): Promise<void> => {
    await mkdir(join(folder, name), { recursive: true });
    await writeFile(join(folder, name, 'migration.sql'), sql);
  };

  const tables = async (): Promise<unknown[]> =>
    (await rows(database.url, `SELECT tablename FROM pg_tables WHERE schemaname = 'public'`)).map(
      ({ tablename }) => tablename,
    );

  it('applies what is missing, in order, and nothing twice', async () => {
    expect(await migrate(database.url, folder)).toEqual({ applied: ['1_first'] });
    await migration('2_second', 'CREATE TABLE second (id int)');
    await migration('3_third', 'ALTER TABLE second ADD COLUMN name text');
    expect(await migrate(database.url, folder)).toEqual({ applied: ['2_second', '3_third'] });
    expect(await migrate(database.url, folder)).toEqual({ applied: [] });
  });

  it('lets one of several at once work, while the others find it done', async () => {
    const results = await Promise.all([1, 2, 3].map(() => migrate(database.url, folder)));
    expect(results.flatMap(({ applied }) => applied)).toEqual(['1_first']);
  });

  it('waits for a `prisma migrate deploy` that holds the lock', async () => {
    const other = new pg.Client({ connectionString: database.url });
    await other.connect();
    await other.query('SELECT pg_advisory_lock(72707369)');
    try {
      const ours = migrate(database.url, folder);
      await waiting(database.url);
      expect(await tables()).toEqual([]);
      await other.query('SELECT pg_advisory_unlock(72707369)');
      expect(await ours).toEqual({ applied: ['1_first'] });
    } finally {
      await other.end();
    }
  });

  it('keeps a function whole, semicolons and all', async () => {
    await migration(
      '2_function',
      `CREATE FUNCTION two() RETURNS int LANGUAGE plpgsql AS $$ BEGIN PERFORM 1; RETURN 2; END $$;
       -- a comment; with a semicolon`,
    );
    await migrate(database.url, folder);
    expect(await rows(database.url, 'SELECT two()')).toEqual([{ two: 2 }]);
  });

  it('changes nothing when a migration fails, names it, and succeeds once it is mended', async () => {
    await migration('2_broken', 'CREATE TABLE second (id int); SELECT 1/0');
    await expect(migrate(database.url, folder)).rejects.toThrow(/nothing was changed: 2_broken: /);
    expect(await tables()).toEqual([]);
    await migration('2_broken', 'CREATE TABLE second (id int)');
    expect(await migrate(database.url, folder)).toEqual({ applied: ['1_first', '2_broken'] });
  });

  it('refuses a history that was rewritten', async () => {
    await migrate(database.url, folder);
    await migration('1_first', 'CREATE TABLE another (id int)');
    await expect(migrate(database.url, folder)).rejects.toThrow(
      'changed after they were applied: 1_first',
    );
  });

  it('says so when the database cannot be reached', async () => {
    const url = new URL(database.url);
    url.port = '1';
    await expect(migrate(url.href, folder)).rejects.toThrow(
      /could not be migrated.*not be reached.*127\.0\.0\.1:1/,
    );
  });
});
