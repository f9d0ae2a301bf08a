import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

const MAIN = join(import.meta.dirname, '../../src/main.ts');
const READY_WITHIN_MS = 120_000;
/** What one broker that ended by itself has compiled, the next need not: whoever is killed leaves nothing there. */
const COMPILED = join(tmpdir(), 'daypass-compiled');

/** The broker as its operator runs it: a process, which can be killed. */
export interface BrokerProcess {
  /** Where this process answers; its issuer may be another's address. */
  readonly url: string;
  /** Where it serves user content. */
  readonly contentUrl: string;
  readonly pid: number;
  /** Whether it runs, and nobody has told it to stop. */
  isAlive(): boolean;
  /** What it wrote since it was started. */
  output(): string;
  /** SIGKILL: it learns nothing. */
  kill(): Promise<void>;
  /** SIGSTOP: it stands still until `resume`, and learns of nothing. Resolves once it does. */
  suspend(): Promise<void>;
  /** SIGCONT. */
  resume(): void;
  /** SIGTERM. Resolves with the exit code when it is gone. */
  terminate(): Promise<number | null>;
}

/** Starts a broker and waits until it says that it is ready. */
export const startBroker = async (
  env: Readonly<Record<string, string>> & { readonly ISSUER: string; readonly PORT: string },
): Promise<BrokerProcess> => {
  // Nothing of our own environment: what a developer has set must not change what is tested.
  const child = spawn(process.execPath, [MAIN], {
    env: { PATH: process.env.PATH, NODE_COMPILE_CACHE: COMPILED, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const written: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => written.push(text));
  }
  const isAlive = (): boolean => child.exitCode === null && child.signalCode === null;
  const gone = once(child, 'exit');
  const broker: BrokerProcess = {
    url: `http://localhost:${env.PORT}`,
    get contentUrl() {
      return /^User content (\S+)$/m.exec(written.join(''))?.[1] ?? '';
    },
    pid: child.pid ?? 0,
    isAlive,
    output: () => written.join(''),
    kill: async () => {
      signal(child, 'SIGKILL');
      await gone;
    },
    suspend: async () => {
      signal(child, 'SIGSTOP');
      await stopped(child.pid ?? 0);
    },
    resume: () => signal(child, 'SIGCONT'),
    terminate: async () => {
      signal(child, 'SIGTERM');
      await gone;
      return child.exitCode;
    },
  };
  try {
    await ready(broker);
  } catch (error) {
    await broker.kill();
    throw error;
  }
  return broker;
};

const signal = (child: ChildProcess, name: NodeJS.Signals): void => {
  if (child.exitCode === null && child.signalCode === null) child.kill(name);
};

/** A signal is taken note of some time after it was sent. Only Linux says when. */
const stopped = async (pid: number): Promise<void> => {
  if (!existsSync('/proc/self/stat')) return pause(100);
  for (let tries = 0; tries < 500; tries += 1) {
    const [, state] = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ');
    if (state?.startsWith('T')) return;
    await pause(2);
  }
  throw new Error(`process ${pid} does not stand still`);
};

const ready = async (broker: BrokerProcess): Promise<void> => {
  const until = performance.now() + READY_WITHIN_MS;
  while (performance.now() < until) {
    if (!broker.isAlive()) throw new Error(`the broker ended:\n${broker.output()}`);
    const answer = await fetch(`${broker.url}/health/ready`).catch(() => undefined);
    if (answer?.status === 200 && broker.contentUrl !== '') return;
    await pause(20);
  }
  throw new Error(`the broker was not ready in ${READY_WITHIN_MS} ms:\n${broker.output()}`);
};
