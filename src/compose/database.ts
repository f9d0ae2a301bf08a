import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../config/config.ts';
import { migrate } from '../ledger/postgres/migrate.ts';

export const MIGRATIONS = join(import.meta.dirname, '..', '..', 'prisma', 'migrations');

export interface DatabaseServer {
  readonly url: string;
  stop(): Promise<void>;
}

/**
 * The database that was named, or an embedded one. Only the embedded one is migrated at start: another's
 * schema changes when its operator says so (`daypass migrate`).
 */
export const openServer = async (config: Config): Promise<DatabaseServer> => {
  if (config.databaseUrl !== undefined) return { url: config.databaseUrl, stop: async () => {} };
  if (config.production) throw new Error('DATABASE_URL is required in production');
  const { startEmbeddedPostgres } = await import('../demo/embedded-postgres.ts');
  // Readable by others: an unprivileged account may have to run the server below it.
  mkdirSync(config.home, { recursive: true, mode: 0o755 });
  const server = await startEmbeddedPostgres({ dir: join(config.home, 'pg') });
  await migrate(server.url, MIGRATIONS);
  return server;
};
