import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { startEmbeddedPostgres } from '../../src/demo/embedded-postgres.ts';
import { migrate } from '../../src/ledger/postgres/migrate.ts';

/** One server for a whole jest run, one database for each suite that asks. */

const SERVER_URL = 'DAYPASS_TEST_POSTGRES_URL';
const TEMPLATE = 'daypass_template';
const MIGRATIONS = join(import.meta.dirname, '../../prisma/migrations');

export interface TestPostgres {
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts the run's server, with a migrated template to copy from. Called once, by jest's global set-up. */
export const startTestPostgres = async (): Promise<TestPostgres> => {
  const dir = await mkdtemp(join(tmpdir(), 'daypass-test-'));
  const server = await startEmbeddedPostgres({ dir, durable: false });
  const stop = async () => {
    await server.stop();
    await rm(dir, { recursive: true, force: true });
  };
  try {
    await ask(server.url, `CREATE DATABASE ${TEMPLATE}`);
    await migrate(databaseUrl(server.url, TEMPLATE), MIGRATIONS);
  } catch (error) {
    await stop();
    throw error;
  }
  process.env[SERVER_URL] = server.url; // workers inherit it
  return { url: server.url, stop };
};

/** Connects to the run's server as its owner. */
export const testServerUrl = (): string => {
  const url = process.env[SERVER_URL];
  if (!url) throw new Error('no test server: is globalSetup set in jest.config.js?');
  return url;
};

export interface TestDatabase {
  /** Connects as the owner. */
  readonly url: string;
  /** Also ends connections that are still open. */
  drop(): Promise<void>;
}

/** A database of one's own, migrated: a copy of the template. */
export const freshDatabase = (): Promise<TestDatabase> => create(TEMPLATE);

/** A database with nothing in it. */
export const emptyDatabase = (): Promise<TestDatabase> => create('template0');

const create = async (template: string): Promise<TestDatabase> => {
  const server = testServerUrl();
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  await ask(server, `CREATE DATABASE ${name} TEMPLATE ${template}`);
  return {
    url: databaseUrl(server, name),
    drop: () => ask(server, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
  };
};

const databaseUrl = (server: string, name: string): string => {
  const url = new URL(server);
  url.pathname = `/${name}`;
  return url.href;
};

const ask = async (url: string, sql: string): Promise<void> => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
};
