import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { inOneTransaction } from './schema-engine.ts';

/**
 * The SQL that takes the database at `url` to what the Prisma schema in `file` says; absent when
 * they agree. It sees what a Prisma schema can say: not roles, grants, functions or partitions.
 */
export const schemaDifference = async (url: string, file: string): Promise<string | undefined> => {
  const content = await readFile(file, 'utf8');
  const files = [{ path: file, content }];
  const { exitCode, stdout } = await inOneTransaction(url, (engine) =>
    engine.diff({
      from: { tag: 'schemaDatasource', files, configDir: dirname(file) },
      to: { tag: 'schemaDatamodel', files },
      script: true,
      exitCode: true,
      filters: { externalTables: [], externalEnums: [] },
    }),
  );
  return exitCode === 0 ? undefined : (stdout ?? '');
};
