import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../src/demo/embedded-postgres.ts';

/** What is started for one run, and stopped in whatever way it ends. */
export interface Stage {
  readonly dir: string;
  readonly postgres: EmbeddedPostgres;
  keep<Part extends { stop(): unknown }>(part: Part): Part;
  /** A database of the name, made where it is not there. */
  database(name: string): Promise<{ readonly url: string; readonly pool: pg.Pool }>;
}

/** As on a small server of its own, not in a demo: a checkpoint each minute would be what is measured. */
const SETTINGS = { shared_buffers: '1GB', max_wal_size: '16GB' };

/** Runs `play` on a stage with a Postgres that has every commit on disk before it is answered. */
export const onStage = async <Outcome>(
  play: (stage: Stage) => Promise<Outcome>,
): Promise<Outcome> => {
  const dir = mkdtempSync(join(tmpdir(), 'daypass-bench-'));
  const started: (() => unknown)[] = [() => rmSync(dir, { recursive: true, force: true })];
  const keep: Stage['keep'] = (part) => {
    started.push(() => part.stop());
    return part;
  };
  try {
    const postgres = keep(
      await startEmbeddedPostgres({ dir: join(dir, 'pg'), settings: SETTINGS }),
    );
    const database: Stage['database'] = async (name) => {
      const url = new URL(postgres.url);
      if (url.pathname !== `/${name}`) await createDatabase(postgres.url, name);
      url.pathname = `/${name}`;
      const pool = openPool(url.href);
      started.push(() => pool.end());
      return { url: url.href, pool };
    };
    return await play({ dir, postgres, keep, database });
  } finally {
    for (const stop of started.reverse()) await stop();
  }
};

const createDatabase = async (server: string, name: string): Promise<void> => {
  const owner = new pg.Client({ connectionString: server });
  await owner.connect();
  await owner.query(`CREATE DATABASE ${name}`);
  await owner.end();
};

const openPool = (url: string): pg.Pool => {
  const pool = new pg.Pool({ connectionString: url, max: 6 });
  // An idle connection that the server's shutdown overtakes is no news; a query that fails still is.
  pool.on('error', () => undefined);
  return pool;
};
