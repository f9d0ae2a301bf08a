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
import { callbackUrlOf } from '../../src/federation/federation.ts';
import { migrate } from '../../src/ledger/postgres/migrate.ts';
import { type BrokerProcess, startBroker } from './broker-process.ts';

const MIGRATIONS = join(import.meta.dirname, '../../prisma/migrations');

/** Broker processes, and everything they depend on in our hands: to be killed, cut and started again. */
export interface Rig {
  /** Of the first, and the issuer of all. */
  readonly url: string;
  readonly databaseUrl: string;
  /** The first. */
  readonly broker: BrokerProcess;
  /** All of them, each as it runs now. */
  readonly brokers: readonly BrokerProcess[];
  /** Aborted by `stop`: whatever still runs against this rig ends. */
  readonly over: AbortSignal;
  /** Where people sign in, for all brokers. */
  readonly idpPort: number;
  /** An ID token of the IdP, which outlives every kill. */
  signIn(user: string, audience: string): Promise<string>;
  /** As the owner of the database, on a connection of its own. */
  ask<Row extends pg.QueryResultRow>(sql: string, values?: readonly unknown[]): Promise<Row[]>;
  /** An owner's connection to hold something with. */
  connect(): Promise<pg.Client>;
  /** Starts the first, or the one of that place, again after a kill: same address, and none of its memory. */
  startBroker(place?: number): Promise<void>;
  /** SIGKILL to the postmaster; its other processes leave when they notice. */
  killPostgres(): void;
  startPostgres(): Promise<void>;
  stop(): Promise<void>;
}

export interface RigOptions {
  /** How many brokers share the database, the home and the issuer. One if left out. */
  readonly instances?: number;
  /** Given the server's address, the port that the broker of that place is to use instead. */
  readonly between?: (
    server: { readonly host: string; readonly port: number },
    place: number,
  ) => Promise<number>;
  readonly env?: Readonly<Record<string, string>>;
  /** The configuration, made of the demo's. */
  readonly configure?: (demo: DeploymentDocument) => object;
}

export const startRig = async (options: RigOptions = {}): Promise<Rig> => {
  const { instances = 1, between, env = {}, configure = unlimited } = options;
  const home = await mkdtemp(join(tmpdir(), 'daypass-rig-'));
  const dir = join(home, 'pg');
  const ports = await Promise.all(Array.from({ length: instances }, freePort));
  const issuer = `http://localhost:${ports[0]}`;
  const idp = await startDemoIdp({ port: 0, relyingParties: [relyingPartyOf(issuer)] });
  let postgres: EmbeddedPostgres = await startEmbeddedPostgres({ dir });
  await migrate(postgres.url, MIGRATIONS);
  const { port: databasePort, url: databaseUrl } = postgres;

  const config = join(home, 'daypass.yaml');
  await writeFile(config, JSON.stringify(configure(demoCompany(idp.issuer)))); // JSON is YAML too
  const settings = {
    ISSUER: issuer,
    DAYPASS_HOME: home,
    DAYPASS_CONFIG: config,
    LOG_LEVEL: 'error',
    ...env,
  };
  const urls = await Promise.all(
    ports.map(async (_, place) =>
      between
        ? withPort(databaseUrl, await between({ host: '127.0.0.1', port: databasePort }, place))
        : databaseUrl,
    ),
  );
  const start = (place: number): Promise<BrokerProcess> =>
    supervised(() =>
      startBroker({
        DATABASE_URL: urls[place] ?? databaseUrl,
        ...settings,
        PORT: String(ports[place]),
      }),
    );
  const brokers: BrokerProcess[] = [];
  const end = async (): Promise<void> => {
    await Promise.all(brokers.map((broker) => broker.kill()));
    await postgres.stop();
    await idp.stop();
    await rm(home, { recursive: true, force: true });
  };
  try {
    // The first makes the keys and applies the configuration; the others find them.
    for (const place of ports.keys()) brokers.push(await start(place));
  } catch (error) {
    await end();
    throw error;
  }

  const connect = async (): Promise<pg.Client> => {
    const client = new pg.Client({ connectionString: databaseUrl });
    await client.connect();
    return client;
  };
  const over = new AbortController();
  return {
    url: settings.ISSUER,
    databaseUrl,
    over: over.signal,
    get broker() {
      return brokers[0] as BrokerProcess;
    },
    brokers,
    idpPort: Number(new URL(idp.issuer).port),
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
    startBroker: async (place = 0) => {
      over.signal.throwIfAborted();
      brokers[place] = await start(place);
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
      await end();
    },
  };
};

/** A broker that finds the database too busy to answer ends, and is started again. */
const supervised = async (start: () => Promise<BrokerProcess>): Promise<BrokerProcess> => {
  for (let tries = 1; ; tries += 1) {
    try {
      return await start();
    } catch (error) {
      if (tries === 5 || !String(error).includes('is not available')) throw error;
    }
  }
};

/** The brokers, as the IdP knows them: people come back to the first. */
const relyingPartyOf = (issuer: string) => ({
  clientId: 'daypass',
  redirectUri: callbackUrlOf(issuer, 'corp'),
  logoutUri: `${issuer}/backchannel-logout/corp`,
  signedOutUris: [],
});

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
