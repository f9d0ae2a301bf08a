import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DriverAdapterError } from '@prisma/driver-adapter-utils';
import type { MigrationDirectory, MigrationList } from '@prisma/schema-engine-wasm';
import { execute, inOneTransaction } from './schema-engine.ts';

/**
 * Prisma's own migration lock, so that a `prisma migrate deploy` elsewhere and we wait for each
 * other. The engine takes it as well, but gives up after ten seconds.
 */
const MIGRATION_LOCK = 72_707_369;

const NO_FILTER = { externalTables: [], externalEnums: [] };

/**
 * Brings the database at `url` up to the migrations in `folder`, all of them or none.
 *
 * Any number of processes may call this at once: one works, the others wait and find it done.
 * @throws Error saying which migration failed, or how the database's history differs from ours.
 */
export const migrate = async (url: string, folder: string): Promise<{ applied: string[] }> => {
  const migrationsList = await readMigrations(folder);
  return inOneTransaction(url, async (engine, transaction) => {
    await execute(transaction, `SELECT pg_advisory_xact_lock(${MIGRATION_LOCK})`);
    const { editedMigrationNames: edited } = await engine.diagnoseMigrationHistory({
      migrationsList,
      optInToShadowDatabase: false,
      filters: NO_FILTER,
    });
    if (edited.length > 0) {
      // Leans towards stopping: what the database holds is no longer what the files say.
      throw new Error(`changed after they were applied: ${edited.join(', ')}`);
    }
    const { appliedMigrationNames } = await engine.applyMigrations({
      migrationsList,
      filters: NO_FILTER,
    });
    return { applied: appliedMigrationNames };
  }).catch((error: unknown) => {
    throw new Error(`the database could not be migrated, nothing was changed: ${reason(error)}`, {
      cause: error,
    });
  });
};

/** The engine's message without its stack of spans, of which only the migration's name helps. */
const reason = (error: unknown): string => {
  if (error instanceof DriverAdapterError && error.cause.kind === 'DatabaseNotReachable') {
    return `PostgreSQL could not be reached at ${error.cause.host}:${error.cause.port}`;
  }
  const text = error instanceof Error ? error.message : JSON.stringify(error);
  const [message = text] = text.split(/\n\s+0: /);
  const [, name] = /migration_name="([^"]+)"/.exec(text) ?? [];
  return name ? `${name}: ${message}` : message;
};

/** Prisma's layout: a folder per migration, in the order of their names, each with a `migration.sql`. */
const readMigrations = async (folder: string): Promise<MigrationList> => {
  const entries = await readdir(folder, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  return {
    baseDir: folder,
    shadowDbInitScript: '',
    lockfile: {
      path: 'migration_lock.toml',
      content: await readFile(join(folder, 'migration_lock.toml'), 'utf8').catch(() => null),
    },
    migrationDirectories: await Promise.all(
      names.sort().map((name): Promise<MigrationDirectory> => readMigration(folder, name)),
    ),
  };
};

const readMigration = async (folder: string, name: string): Promise<MigrationDirectory> => ({
  path: name,
  migrationFile: {
    path: 'migration.sql',
    content: {
      tag: 'ok',
      value: await readFile(join(folder, name, 'migration.sql'), 'utf8'),
    },
  },
});
