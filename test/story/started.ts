import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

export const ROOT = join(import.meta.dirname, '../..');

/** A broker in a process of its own. */
export interface Started {
  readonly url: string;
  readonly idp: string;
  /** Tells all of it to stop, waits until it has, and answers what it wrote. */
  stop(): Promise<string>;
}

/** `npm start` as README.md has it; on other ports where somebody has those. */
export const npmStart = async (): Promise<Started> => {
  const [port, idpPort] =
    (await isFree(8080)) && (await isFree(8081))
      ? [8080, 8081]
      : [await freePort(), await freePort()];
  const home = await mkdtemp(join(tmpdir(), 'daypass-test-'));
  const [command, ...args] =
    idpPort === 8081
      ? ['npm', 'start']
      : [process.execPath, join(import.meta.dirname, 'start-elsewhere.ts'), String(idpPort)];
  const child = spawn(command ?? '', args, {
    cwd: ROOT,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, PORT: String(port), DAYPASS_HOME: home },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true, // npm, its shell and the broker: Ctrl-C reaches them all, and so does `stop`
  });
  let output = '';
  child.stdout.on('data', (chunk) => (output += chunk));
  child.stderr.on('data', (chunk) => (output += chunk));
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()));

  const stop = async (): Promise<string> => {
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGTERM');
    await ended;
    await rm(home, { recursive: true, force: true });
    return output;
  };
  const url = `http://localhost:${port}`;
  for (let tries = 0; tries < 300 && child.exitCode === null; tries += 1) {
    const ready = await fetch(`${url}/health/ready`).catch(() => undefined);
    if (ready?.ok) return { url, idp: `http://localhost:${idpPort}`, stop };
    await pause(200);
  }
  throw new Error(`npm start is not ready:\n${await stop()}`);
};

const freePort = (port = 0): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      const { port: found } = server.address() as AddressInfo;
      server.close(() => resolve(found));
    });
  });

export const isFree = (port: number): Promise<boolean> =>
  freePort(port).then(
    () => true,
    () => false,
  );
