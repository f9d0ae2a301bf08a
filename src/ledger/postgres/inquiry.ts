import { readdir } from 'node:fs/promises';
import { PrismaPg } from '@prisma/adapter-pg';

/** Milliseconds a server has to let us in. */
const PATIENCE_MS = 3_000;

/**
 * The version of the server at `url`, such as `16.4`, as whoever the URL names sees it, before any role is taken.
 *
 * @throws Error of the driver where it cannot be reached, or does not let us in.
 */
export const serverVersion = async (url: string): Promise<string> => {
  const [version = 'of an unknown version'] = await ask(url, 'SHOW server_version');
  return version;
};

/** How many migrations lie in `folder`, and which of them the database at `url` has not seen finished. */
export const unappliedMigrations = async (
  url: string,
  folder: string,
): Promise<{ readonly known: number; readonly missing: readonly string[] }> => {
  const entries = await readdir(folder, { withFileTypes: true });
  const known = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  const applied = new Set(await ask(url, FINISHED));
  return { known: known.length, missing: known.filter((name) => !applied.has(name)) };
};

const FINISHED = `SELECT migration_name FROM _prisma_migrations
  WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL`;

/** The first column. A connection of its own: the pools of the ledger take its role first. */
const ask = async (url: string, sql: string): Promise<readonly string[]> => {
  const connection = await new PrismaPg({
    connectionString: url,
    max: 1,
    connectionTimeoutMillis: PATIENCE_MS,
  }).connect();
  try {
    const { rows } = await connection.queryRaw({ sql, args: [], argTypes: [] });
    return rows.map(([first]) => String(first));
  } finally {
    await connection.dispose();
  }
};
