import pg from 'pg';
import { connectionOf, type DatabaseOptions } from './client.ts';

/** One of the few statements that every request needs: written once, prepared once on each connection. */
export interface Statement {
  /** Unlike that of any other. */
  readonly name: string;
  readonly text: string;
}

export interface Statements {
  /** Rejects with the driver's error. */
  run<Row extends object>(
    statement: Statement,
    values: readonly unknown[],
  ): Promise<readonly Row[]>;
  close(): Promise<void>;
}

/** One for each kind of batch, and one more: only full batches travel side by side, and seldom of each kind at once. */
const CONNECTIONS = 6;

/**
 * What runs for nearly every request goes to the driver, past the ORM, whose runtime costs more than the driver for a
 * parameter of 100 kB (docs/adr/0013). On connections of its own: what administrators ask for does not hold it up.
 */
export const openStatements = (options: DatabaseOptions): Statements => {
  const pool = new pg.Pool(connectionOf({ ...options, maxConnections: CONNECTIONS }));
  pool.on('error', options.onConnectionError);
  return {
    run: async <Row extends object>({ name, text }: Statement, values: readonly unknown[]) =>
      (await pool.query<Row>({ name, text, values: [...values] })).rows,
    close: () => pool.end(),
  };
};
