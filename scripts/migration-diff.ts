// Writes the migration that takes the applied ones to prisma/schema.prisma, or checks there is none.
//   node scripts/migration-diff.ts NAME
//   node scripts/migration-diff.ts --check
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { startEmbeddedPostgres } from '../src/demo/embedded-postgres.ts';
import { migrate } from '../src/ledger/postgres/migrate.ts';
import { schemaDifference } from '../src/ledger/postgres/schema-difference.ts';

const root = dirname(import.meta.dirname);
const folder = join(root, 'prisma', 'migrations');

/** On a server that lives for this question only. */
const difference = async (): Promise<string | undefined> => {
  const dir = await mkdtemp(join(tmpdir(), 'daypass-diff-'));
  try {
    const postgres = await startEmbeddedPostgres({ dir, durable: false });
    try {
      await migrate(postgres.url, folder);
      return await schemaDifference(postgres.url, join(root, 'prisma', 'schema.prisma'));
    } finally {
      await postgres.stop();
    }
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
};

const check = async (): Promise<number> => {
  const sql = await difference();
  if (sql === undefined) return 0;
  console.error(
    `prisma/schema.prisma says more than prisma/migrations; run: node scripts/migration-diff.ts NAME\n\n${sql}`,
  );
  return 1;
};

const write = async (name: string): Promise<number> => {
  const sql = await difference();
  if (sql === undefined) {
    console.log('prisma/schema.prisma and prisma/migrations agree: nothing to write');
    return 0;
  }
  const timestamp = new Date().toISOString().replaceAll(/\D/g, '').slice(0, 14);
  const path = join(folder, `${timestamp}_${name}`, 'migration.sql');
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, sql);
  console.log(path);
  return 0;
};

const [argument] = process.argv.slice(2);
if (argument === '--check') {
  process.exitCode = await check();
} else if (argument !== undefined && /^[a-z0-9_]+$/.test(argument)) {
  process.exitCode = await write(argument);
} else {
  console.error('usage: node scripts/migration-diff.ts NAME | --check   (NAME: a-z, 0-9 and _)');
  process.exitCode = 2;
}
