import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { eicar } from './uploads-gone-wrong.ts';

/** A real clamd that knows one signature: EICAR's, at the start of a file. */
export interface Clamd {
  readonly address: string;
  stop(): Promise<void>;
  /** Stops, and leaves nothing behind. */
  remove(): Promise<void>;
  /** Again, on the same port. */
  start(): Promise<void>;
}

const COMMAND = process.env.CLAMD ?? '/usr/sbin/clamd';

export const startClamd = async (port: number): Promise<Clamd> => {
  const folder = await mkdtemp(join(tmpdir(), 'daypass-clamd-'));
  await writeFile(
    join(folder, 'test.ndb'),
    `Eicar-Test-Signature:0:0:${eicar().toString('hex')}\n`,
  );
  const settings = join(folder, 'clamd.conf');
  const lines = [
    `DatabaseDirectory ${folder}`,
    `TCPSocket ${port}`,
    'TCPAddr 127.0.0.1',
    `User ${userInfo().username}`,
    'StreamMaxLength 2M',
    'MaxFileSize 2M',
    'AlertExceedsMax yes',
    'Foreground yes',
    `LogFile ${join(folder, 'clamd.log')}`,
  ];
  await writeFile(settings, `${lines.join('\n')}\n`);
  let child: ChildProcess | undefined;

  const start = async (): Promise<void> => {
    child = spawn(COMMAND, ['-c', settings], { stdio: 'ignore' });
    const failed = once(child, 'error').then(([error]) => Promise.reject(error as Error));
    await Promise.race([failed, answering(port)]);
    failed.catch(() => {});
  };
  const end = async (): Promise<void> => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  };
  await start();
  return {
    address: `clamd://127.0.0.1:${port}`,
    start,
    stop: end,
    remove: async () => {
      await end();
      await rm(folder, { recursive: true, force: true });
    },
  };
};

const answering = async (port: number): Promise<void> => {
  for (let tries = 0; tries < 200; tries += 1) {
    const socket = connect(port, '127.0.0.1');
    const isThere = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (isThere) return;
    await pause(50);
  }
  throw new Error('clamd does not answer');
};
