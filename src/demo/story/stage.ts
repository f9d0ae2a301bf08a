import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { startDaypass } from '../../compose.ts';
import { loadConfig } from '../../config/config.ts';

/** Everything the story needs, on this machine and in one folder that goes away with it. */
export interface Stage {
  readonly broker: string;
  readonly idp: string;
  readonly home: string;
  /** Stops what was started, and removes the folder. */
  close(): Promise<void>;
}

/** Whatever lies about or is set here is somebody's own: the story is always the same. */
const NO_FILES = {
  exists: () => false,
  read: (path: string): string => {
    throw new Error(`the demo reads no file, and was asked for ${path}`);
  },
};

/** A broker as `npm start` has it (PostgreSQL, object store, corporate IdP), on free ports. */
export const openStage = async (): Promise<Stage> => {
  const home = await mkdtemp(join(tmpdir(), 'daypass-demo-'));
  const remove = (): Promise<void> => rm(home, { recursive: true, force: true });
  try {
    // Root lends the database to an account of its own, which must be let through.
    if (process.getuid?.() === 0) await chmod(home, 0o755);
    const [port, idpPort] = [await freePort(), await freePort()];
    const env = {
      PORT: String(port),
      ISSUER: `http://localhost:${port}`,
      DAYPASS_HOME: home,
      SHUTDOWN_GRACE: '1s',
    };
    const daypass = await startDaypass(loadConfig(env, NO_FILES), {
      env,
      idpPort,
      logger: pino({ level: 'silent' }),
    });
    return {
      broker: daypass.issuer,
      idp: daypass.idp ?? '',
      home,
      close: async () => {
        await daypass.stop();
        await remove();
      },
    };
  } catch (error) {
    await remove();
    throw error;
  }
};

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
