import { PrismaPg } from '@prisma/adapter-pg';
import type pg from 'pg';
import { PrismaClient } from './generated/client.ts';

export type Database = PrismaClient;

export interface DatabaseOptions {
  readonly url: string;
  /** Told of connections that broke while idle. Without a listener a dead server ends the process. */
  readonly onConnectionError: (error: Error) => void;
  readonly maxConnections?: number;
  /** Milliseconds after which a statement is abandoned; five seconds unless told. */
  readonly patience?: number;
}

/** The role the broker works as: it cannot change an audit event or alter a table. */
export const APPLICATION_ROLE = 'daypass_app';

/** Milliseconds in which a server must let us in. */
const CONNECT = 1_000;

/**
 * Connections that drop to the application role before their first statement, give up connecting after one
 * second and abandon a statement after five: callers have given up before (`promptly`), and the connection is
 * wanted back.
 */
export const connectionOf = ({
  url,
  maxConnections = 10,
  patience = 5_000,
}: DatabaseOptions): pg.PoolConfig => ({
  connectionString: url,
  max: maxConnections,
  options: `-c role=${APPLICATION_ROLE} -c bytea_output=hex`,
  connectionTimeoutMillis: CONNECT,
  statement_timeout: patience,
  query_timeout: patience + 1_000,
  keepAlive: true,
  application_name: 'daypass',
});

export const openDatabase = (options: DatabaseOptions): Database => {
  const { onConnectionError } = options;
  const names = new Map<string, string>();
  const adapter = new PrismaPg(connectionOf(options), {
    onPoolError: onConnectionError,
    onConnectionError,
    // Statements are prepared once per connection. The bound keeps a flood of shapes from growing it.
    statementNameGenerator: ({ sql }) => {
      const known = names.get(sql);
      if (known !== undefined || names.size >= 200) return known ?? '';
      const name = `daypass_${names.size}`;
      names.set(sql, name);
      return name;
    },
  });
  return new PrismaClient({ adapter });
};
