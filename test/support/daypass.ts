import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { type Daypass, startDaypass } from '../../src/compose.ts';
import { loadConfig } from '../../src/config/config.ts';
import { demoToken } from '../../src/demo/demo-token.ts';
import { freshDatabase } from './postgres.ts';

export interface TestDaypass extends Daypass {
  readonly url: string;
  readonly databaseUrl: string;
  /** An ID token of the demo IdP, through its real login. */
  signIn(user: string, audience: string): Promise<string>;
  /** Moves the broker's clock, in seconds. */
  advance(seconds: number): void;
  stop(): Promise<void>;
}

export interface TestDaypassOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** A further instance on the same database, folder and keys as this one. */
  readonly beside?: TestDaypass & { readonly home: string };
}

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });

/** A broker of its own: database, folder, ports and demo IdP. Real parts, as they are wired in production. */
export const startTestDaypass = async (
  options: TestDaypassOptions = {},
): Promise<TestDaypass & { readonly home: string }> => {
  const database = await freshDatabase();
  const home = await mkdtemp(join(tmpdir(), 'daypass-test-'));
  const port = await freePort();
  const idpPort = await freePort();
  let offset = 0;
  const env = {
    PORT: String(port),
    ISSUER: `http://localhost:${port}`,
    DAYPASS_HOME: home,
    DATABASE_URL: database.url,
    SHUTDOWN_GRACE: '1s',
    ...options.env,
  };
  const daypass = await startDaypass(loadConfig(env), {
    env,
    idpPort,
    logger: pino({ level: process.env.TEST_LOG ?? 'silent' }),
    shift: () => offset,
  });
  return {
    ...daypass,
    home,
    url: daypass.issuer,
    databaseUrl: database.url,
    signIn: (user, audience) =>
      demoToken({ issuer: daypass.idp ?? '', user, password: 'demo', audience }),
    advance: (seconds) => {
      offset += seconds * 1000;
    },
    stop: async () => {
      await daypass.stop();
      await database.drop();
      await rm(home, { recursive: true, force: true });
    },
  };
};
