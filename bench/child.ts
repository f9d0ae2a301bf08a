import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';

/** A server under test, in a process of its own, so that its CPU time is its own. */
export interface Child {
  readonly pid: number;
  stop(): Promise<void>;
}

export interface ChildOptions {
  readonly script: string;
  readonly nodeOptions?: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Answers 200 once the server takes requests. */
  readonly readyUrl: string;
}

const PATIENCE_MS = 30_000;

/** Resolves when the server is ready; rejects with what it wrote when it ends instead. */
export const startChild = async (options: ChildOptions): Promise<Child> => {
  const child = spawn(process.execPath, [...(options.nodeOptions ?? []), options.script], {
    // Nothing of the caller's own configuration reaches the server.
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const words: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      words.push(String(chunk));
      if (words.length > 50) words.shift();
    });
  }
  const stop = (): Promise<void> => end(child);
  try {
    await ready(child, options.readyUrl);
  } catch (error) {
    await stop();
    throw new Error(`${options.script}: ${String(error)}\n${words.join('')}`);
  }
  return { pid: child.pid ?? 0, stop };
};

const ready = async (child: ChildProcess, url: string): Promise<void> => {
  const deadline = performance.now() + PATIENCE_MS;
  while (performance.now() < deadline) {
    if (child.exitCode !== null) throw new Error(`ended with ${child.exitCode}`);
    const answer = await fetch(url).catch(() => undefined);
    if (answer?.status === 200) return;
    await new Promise((done) => setTimeout(done, 50));
  }
  throw new Error('did not become ready');
};

const end = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((done) => child.once('exit', done));
  child.kill('SIGTERM');
  const impatient = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS);
  await gone;
  clearTimeout(impatient);
};

export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
