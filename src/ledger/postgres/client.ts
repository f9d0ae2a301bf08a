import { PrismaPg } from '@prisma/adapter-pg';
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

/**
 * A client whose connections drop to the application role before their first statement, give up
 * connecting after one second and abandon a statement after five: callers have given up before
 * (`promptly`), and the connection is wanted back.
 */
export const openDatabase = ({
  url,
  onConnectionError,
  maxConnections = 10,
  patience = 5_000,
}: DatabaseOptions): Database => {
  const names = new Map<string, string>();
  const adapter = new PrismaPg(
    {
      connectionString: url,
      max: maxConnections,
      options: `-c role=${APPLICATION_ROLE} -c bytea_output=hex`,
      connectionTimeoutMillis: 1_000,
      statement_timeout: patience,
      query_timeout: patience + 1_000,
      keepAlive: true,
      application_name: 'daypass',
    },
    {
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
    },
  );
  return new PrismaClient({ adapter });
};
