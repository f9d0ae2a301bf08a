import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Logger, pino } from 'pino';
import { DEMO_SECRET } from '../../src/compose/configuration.ts';
import { type Daypass, startDaypass } from '../../src/compose.ts';
import { loadConfig } from '../../src/config/config.ts';
import { demoDeployment } from '../../src/config/demo-deployment.ts';
import type { DeploymentDocument } from '../../src/config/deployment.ts';
import { demoToken } from '../../src/demo/demo-token.ts';
import type { Fetch } from '../../src/egress/fetch.ts';
import { freshDatabase } from './postgres.ts';

export interface TestDaypass extends Daypass {
  /** Where this instance answers: its issuer, unless it runs beside another. */
  readonly url: string;
  readonly home: string;
  readonly databaseUrl: string;
  readonly idpPort: number;
  /** An ID token of the demo IdP, through its real login. */
  signIn(user: string, audience: string): Promise<string>;
  /** Moves the broker's clock, in seconds, and that of the instances beside it. */
  advance(seconds: number): void;
  /** Milliseconds by which it was moved. */
  shift(): number;
  stop(): Promise<void>;
}

export interface TestDaypassOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Makes the configuration file from the demo's document; left out, the demo configuration is used. */
  readonly configure?: (demo: DeploymentDocument) => DeploymentDocument;
  /** A further instance of this one: same database, folder, keys and issuer, on a port of its own. */
  readonly beside?: TestDaypass;
  readonly logger?: Logger;
  readonly fetchForEvents?: Fetch;
}

export const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });

/** The demo's document with an IdP on this port; what `configure` starts from. */
const demoDocument = (idpPort: number): DeploymentDocument =>
  demoDeployment(`http://localhost:${idpPort}`, {
    now: new Date(),
    nightlySecretHash: `sha256:${createHash('sha256').update(DEMO_SECRET).digest('hex')}`,
  });

/** A broker of its own: database, folder, ports and demo IdP. Real parts, as they are wired in production. */
export const startTestDaypass = async (options: TestDaypassOptions = {}): Promise<TestDaypass> => {
  const { beside, configure } = options;
  const database = beside
    ? { url: beside.databaseUrl, drop: async () => {} }
    : await freshDatabase();
  const home = beside?.home ?? (await mkdtemp(join(tmpdir(), 'daypass-test-')));
  const port = await freePort();
  const idpPort = beside?.idpPort ?? (await freePort());
  const file = join(home, 'daypass.yaml');
  // JSON is YAML.
  if (configure) await writeFile(file, JSON.stringify(configure(demoDocument(idpPort)), null, 2));

  let offset = 0;
  const shift = beside?.shift ?? (() => offset);
  const env = {
    PORT: String(port),
    ISSUER: beside?.issuer ?? `http://localhost:${port}`,
    DAYPASS_HOME: home,
    DATABASE_URL: database.url,
    SHUTDOWN_GRACE: '1s',
    ...(configure && { DAYPASS_CONFIG: file }),
    ...options.env,
  };
  const daypass = await startDaypass(loadConfig(env), {
    env,
    idpPort,
    runDemoIdp: beside === undefined,
    logger: options.logger ?? pino({ level: process.env.TEST_LOG ?? 'silent' }),
    shift,
    ...(options.fetchForEvents && { fetchForEvents: options.fetchForEvents }),
  });
  return {
    ...daypass,
    home,
    idpPort,
    url: `http://localhost:${port}`,
    databaseUrl: database.url,
    signIn: (user, audience) =>
      demoToken({ issuer: `http://localhost:${idpPort}`, user, password: 'demo', audience }),
    advance:
      beside?.advance ??
      ((seconds) => {
        offset += seconds * 1000;
      }),
    shift,
    stop: async () => {
      await daypass.stop();
      await database.drop();
      if (!beside) await rm(home, { recursive: true, force: true });
    },
  };
};
