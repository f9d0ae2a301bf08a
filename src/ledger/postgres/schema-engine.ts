import type { EventEmitter } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { PrismaPg } from '@prisma/adapter-pg';
import {
  bindMigrationAwareSqlAdapterFactory,
  ColumnTypeEnum,
  type SqlDriverAdapter,
  type Transaction,
} from '@prisma/driver-adapter-utils';
import type { SchemaEngine } from '@prisma/schema-engine-wasm';

/**
 * Schema engine: Prisma's own, as WebAssembly. `prisma migrate` would download a binary; this is
 * the same engine with the same `_prisma_migrations` table and checksums, from npm alone, so
 * `prisma migrate deploy` elsewhere agrees with what was done here.
 */

interface Bindings {
  readonly SchemaEngine: typeof SchemaEngine;
  __wbg_set_wasm(exports: object): void;
}

/** As much of `WebAssembly` as is used: TypeScript declares it for browsers only. */
interface WebAssemblyHost {
  instantiate(
    bytes: Uint8Array,
    imports: Record<string, object>,
  ): Promise<{ instance: { exports: Record<string, unknown> } }>;
}

let loaded: Promise<typeof SchemaEngine> | undefined;

/** Once per process: the bindings know one instance, and a second would take the first one's place. */
const schemaEngine = (): Promise<typeof SchemaEngine> => {
  loaded ??= loadSchemaEngine();
  return loaded;
};

/** Instantiated by hand: on Node 24 importing a `.wasm` file still warns at every start. */
const loadSchemaEngine = async (): Promise<typeof SchemaEngine> => {
  const module: unknown = await import('@prisma/schema-engine-wasm/schema_engine_bg');
  const bindings = module as Bindings; // its types leave out the glue
  const folder = dirname(createRequire(import.meta.url).resolve('@prisma/schema-engine-wasm'));
  const { WebAssembly: host } = globalThis as unknown as { WebAssembly: WebAssemblyHost };
  const { instance } = await host.instantiate(
    await readFile(join(folder, 'schema_engine_bg.wasm')),
    { './schema_engine_bg.js': { ...bindings, ...unreferencedTimers(bindings) } },
  );
  bindings.__wbg_set_wasm(instance.exports);
  const { __wbindgen_start: start } = instance.exports;
  if (typeof start === 'function') start();
  return bindings.SchemaEngine;
};

/** The engine leaves a timer of ten seconds behind; it must not keep a finished process waiting. */
const unreferencedTimers = (bindings: object): Record<string, unknown> => {
  const setUnreferenced = (callback: () => void, ms: number) => setTimeout(callback, ms).unref();
  const names = Object.keys(bindings).filter((name) => name.startsWith('__wbg_setTimeout'));
  return Object.fromEntries(names.map((name) => [name, setUnreferenced]));
};

/**
 * Runs `use` with an engine whose every statement belongs to one transaction: committed when
 * `use` resolves, undone when it rejects or this process dies. Nothing is ever half migrated.
 */
export const inOneTransaction = async <T>(
  url: string,
  use: (engine: SchemaEngine, transaction: Transaction) => Promise<T>,
): Promise<T> => {
  const pool = await new PrismaPg({ connectionString: url, max: 1 }).connect();
  const charColumns = noticeCharColumns(pool.underlyingDriver());
  try {
    const transaction = await pool.startTransaction();
    try {
      const result = await withEngine(engineAdapter(transaction, charColumns), (engine) =>
        use(engine, transaction),
      );
      await execute(transaction, 'COMMIT');
      return result;
    } catch (error) {
      await execute(transaction, 'ROLLBACK').catch(() => undefined); // a lost connection undid it
      throw error;
    } finally {
      await transaction.commit(); // gives the connection back; the adapter leaves COMMIT to us
    }
  } finally {
    await pool.dispose();
  }
};

/**
 * PostgreSQL's catalogue has columns of its one-byte type "char", which the engine reads as a
 * character and the adapter refuses. They pass the adapter as text; the returned function tells
 * which columns of the last answer they were.
 */
const noticeCharColumns = (pool: Pick<EventEmitter, 'on'>): (() => ReadonlySet<number>) => {
  const CHAR = 18;
  const TEXT = 25;
  let columns = new Set<number>();
  pool.on('connect', ({ connection }: { connection: EventEmitter }) => {
    connection.on('rowDescription', ({ fields }: { fields: { dataTypeID: number }[] }) => {
      columns = new Set(fields.flatMap((field, at) => (field.dataTypeID === CHAR ? [at] : [])));
      for (const field of fields) if (field.dataTypeID === CHAR) field.dataTypeID = TEXT;
    });
  });
  return () => columns;
};

export const execute = async (transaction: Transaction, sql: string): Promise<void> => {
  await transaction.executeRaw({ sql, args: [], argTypes: [] });
};

const withEngine = async <T>(
  adapter: SqlDriverAdapter,
  use: (engine: SchemaEngine) => Promise<T>,
): Promise<T> => {
  const Engine = await schemaEngine();
  const factory = bindMigrationAwareSqlAdapterFactory({
    provider: adapter.provider,
    adapterName: adapter.adapterName,
    connect: () => Promise.resolve(adapter),
    connectToShadowDb: () => Promise.reject(new Error('no shadow database is needed')),
  });
  const engine = await Engine.new({ datamodels: undefined }, () => undefined, factory);
  try {
    return await use(engine);
  } finally {
    engine.free();
  }
};

/**
 * The engine's view of the transaction. Each statement has its savepoint, since the engine probes
 * (is there a `_prisma_migrations` yet?) with statements that may fail.
 */
const engineAdapter = (
  transaction: Transaction,
  charColumns: () => ReadonlySet<number>,
): SqlDriverAdapter => {
  const guarded = async <T>(statement: () => Promise<T>): Promise<T> => {
    await execute(transaction, 'SAVEPOINT engine');
    try {
      const result = await statement();
      await execute(transaction, 'RELEASE SAVEPOINT engine');
      return result;
    } catch (error) {
      await execute(transaction, 'ROLLBACK TO SAVEPOINT engine');
      throw error;
    }
  };
  return {
    provider: transaction.provider,
    adapterName: transaction.adapterName,
    queryRaw: (query) =>
      guarded(async () => {
        const answer = await transaction.queryRaw(query);
        const chars = charColumns();
        const columnTypes = answer.columnTypes.map((type, at) =>
          chars.has(at) ? ColumnTypeEnum.Character : type,
        );
        return { ...answer, columnTypes };
      }),
    executeRaw: (query) => guarded(() => transaction.executeRaw(query)),
    // Whole: the stock adapter splits a script at each `;`, also within function bodies.
    executeScript: (script) => guarded(() => execute(transaction, script)),
    startTransaction: () => Promise.reject(new Error('the engine already runs in a transaction')),
    getConnectionInfo: () => ({ supportsRelationJoins: true }),
    dispose: () => Promise.resolve(),
  };
};
