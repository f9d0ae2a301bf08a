import { join } from 'node:path';
import { type Configure, createConfigure } from '../broker/configure/configure.ts';
import type { Config } from '../config/config.ts';
import { migrate } from '../ledger/postgres/migrate.ts';
import { openPostgresLedger, type PostgresLedger } from '../ledger/postgres/postgres-ledger.ts';
import { whereabouts } from './await-database.ts';
import { MIGRATIONS, openServer } from './database.ts';
import { resealKeys } from './keys.ts';
import { localTime } from './local-time.ts';
import { loadSecrets } from './secrets.ts';

/** For commands that administer without serving. */
export interface Administration {
  readonly configure: Pick<Configure, 'plan' | 'apply'>;
  readonly ledger: PostgresLedger;
  /** Which database that is, for people; without what opens it. */
  readonly where: string;
  /** Seals keys under the newest key encryption key; says how many. */
  resealKeys(): Promise<number>;
  migrate(): Promise<readonly string[]>;
  close(): Promise<void>;
}

/**
 * The database without the servers. An embedded one is started, or reached where it already runs.
 *
 * @param options.mayStart throws where none should be started: whoever runs a broker means the one it has.
 */
export const openForAdministration = async (
  config: Config,
  { mayStart = async () => {} }: { readonly mayStart?: () => Promise<void> } = {},
): Promise<Administration> => {
  const url = await reachDatabase(config, mayStart);
  const ledger = openPostgresLedger({
    url: url.url,
    onConnectionError: () => undefined,
    localTime,
  });
  const { production } = config;
  const configure = createConfigure({
    configurations: ledger.configurations,
    production,
    now: ledger.clock.now,
  });
  return {
    ledger,
    where:
      config.databaseUrl === undefined
        ? `embedded PostgreSQL under ${join(config.home, 'pg')}`
        : whereabouts(url.url),
    // Not before it is needed: what migrates a database cannot ask it as the role it has yet to make.
    configure: {
      plan: async (document) => {
        await ledger.clock.synchronise();
        return configure.plan(document);
      },
      apply: async (document, applicant) => {
        await ledger.clock.synchronise();
        return configure.apply(document, applicant);
      },
    },
    resealKeys: () => resealKeys(ledger, loadSecrets(config).keyEncryptionKeys),
    migrate: async () => (await migrate(url.url, MIGRATIONS)).applied,
    close: async () => {
      await ledger.close();
      await url.stop();
    },
  };
};

const reachDatabase = async (config: Config, mayStart: () => Promise<void>) => {
  if (config.databaseUrl === undefined && !config.production) {
    const { runningPostgresUrl } = await import('../demo/embedded-postgres.ts');
    const running = await runningPostgresUrl(join(config.home, 'pg'));
    if (running !== undefined) return { url: running, stop: async () => {} };
    await mayStart();
  }
  return openServer(config);
};
