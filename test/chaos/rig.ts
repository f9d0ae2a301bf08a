import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { DEMO_SECRET } from '../../src/compose/configuration.ts';
import { demoDeployment } from '../../src/config/demo-deployment.ts';
import type { DeploymentDocument } from '../../src/config/deployment/schema.ts';
import { demoToken } from '../../src/demo/demo-token.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/demo/embedded-postgres.ts';
import { startDemoIdp } from '../../src/demo/idp.ts';
import { migrate } from '../../src/ledger/postgres/migrate.ts';
import { type BrokerProcess, startBroker } from './broker-process.ts';

const MIGRATIONS = join(import.meta.dirname, '../../prisma/migrations');

/** A broker process, and everything it depends on in our hands: to be killed, cut and started again. */
export interface Rig {
  readonly url: string;
  readonly broker: BrokerProcess;
  /** Aborted by `stop`: whatever still runs against this rig ends. */
  readonly over: AbortSignal;
  /** An ID token of the IdP, which outlives every kill. */
  signIn(user: string, audience: string): Promise<string>;
  /** As the owner of the database, on a connection of its own. */
  ask<Row extends pg.QueryResultRow>(sql: string, values?: readonly unknown[]): Promise<Row[]>;
  /** An owner's connection to hold something with. */
  connect(): Promise<pg.Client>;
  /** Also after a kill. */
  startBroker(): Promise<void>;
  /** SIGKILL to the postmaster; its other processes leave when they notice. */
  killPostgres(): void;
  startPostgres(): Promise<void>;
  stop(): Promise<void>;
}

export interface RigOptions {
  /** Given the server's address, the port that the broker is to use instead. */
  readonly between?: (server: { readonly host: string; readonly port: number }) => Promise<number>;
  readonly env?: Readonly<Record<string, string>>;
  /** The configuration, made of the demo's. */
  readonly configure?: (demo: DeploymentDocument) => object;
}

export const startRig = async (options: RigOptions = {}): Promise<Rig> => {
  const { between, env = {}, configure = unlimited } = options;
  const home = await mkdtemp(join(tmpdir(), 'daypass-chaos-'));
  const dir = join(home, 'pg');
  const idp = await startDemoIdp({ port: 0 });
  let postgres: EmbeddedPostgres = await startEmbeddedPostgres({ dir });
  await migrate(postgres.url, MIGRATIONS);
  const { port: databasePort, url: databaseUrl } = postgres;

  const port = await freePort();
  const config = join(home, 'daypass.yaml');
  await writeFile(config, JSON.stringify(configure(demoCompany(idp.issuer)))); // JSON is YAML too
  const settings = {
    PORT: String(port),
    ISSUER: `http://localhost:${port}`,
    DAYPASS_HOME: home,
    DAYPASS_CONFIG: config,
    DATABASE_URL: between
      ? withPort(databaseUrl, await between({ host: '127.0.0.1', port: databasePort }))
      : databaseUrl,
    LOG_LEVEL: 'error',
    ...env,
  };
  let broker = await startBroker(settings);

  const connect = async (): Promise<pg.Client> => {
    const client = new pg.Client({ connectionString: databaseUrl });
    await client.connect();
    return client;
  };
  const over = new AbortController();
  return {
    url: settings.ISSUER,
    over: over.signal,
    get broker() {
      return broker;
    },
    signIn: (user, audience) => demoToken({ issuer: idp.issuer, user, password: 'demo', audience }),
    connect,
    ask: async (sql, values = []) => {
      const client = await connect();
      try {
        return (await client.query(sql, [...values])).rows;
      } finally {
        await client.end();
      }
    },
    startBroker: async () => {
      over.signal.throwIfAborted();
      broker = await startBroker(settings);
    },
    killPostgres: () => {
      process.kill(postgres.pid, 'SIGKILL');
    },
    startPostgres: async () => {
      await postgres.stop();
      postgres = await startEmbeddedPostgres({ dir, port: databasePort });
    },
    stop: async () => {
      over.abort();
      await broker.kill();
      await postgres.stop();
      await idp.stop();
      await rm(home, { recursive: true, force: true });
    },
  };
};

const demoCompany = (idp: string): DeploymentDocument => {
  const nightlySecretHash = `sha256:${createHash('sha256').update(DEMO_SECRET).digest('hex')}`;
  return demoDeployment(idp, { now: new Date(), nightlySecretHash });
};

/** Whose apps may do as much as a load test wants. */
export const unlimited = (demo: DeploymentDocument): DeploymentDocument => ({
  ...demo,
  apps: demo.apps?.map(({ limits: _, ...app }) => app),
});

const withPort = (url: string, port: number): string => {
  const changed = new URL(url);
  changed.port = String(port);
  return changed.href;
};

export const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
