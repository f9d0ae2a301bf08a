import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

const MAIN = join(import.meta.dirname, '../../src/main.ts');
const READY_WITHIN_MS = 30_000;

/** The broker as its operator runs it: a process, which can be killed. */
export interface BrokerProcess {
  readonly url: string;
  readonly pid: number;
  /** Whether it runs, and nobody has told it to stop. */
  isAlive(): boolean;
  /** What it wrote since it was started. */
  output(): string;
  /** SIGKILL: it learns nothing. */
  kill(): Promise<void>;
  /** SIGTERM. Resolves with the exit code when it is gone. */
  terminate(): Promise<number | null>;
}

/** Starts a broker and waits until it says that it is ready. */
export const startBroker = async (
  env: Readonly<Record<string, string>> & { readonly ISSUER: string },
): Promise<BrokerProcess> => {
  // Nothing of our own environment: what a developer has set must not change what is tested.
  const child = spawn(process.execPath, [MAIN], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const written: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => written.push(text));
  }
  const isAlive = (): boolean => child.exitCode === null && child.signalCode === null;
  const gone = once(child, 'exit');
  const broker: BrokerProcess = {
    url: env.ISSUER,
    pid: child.pid ?? 0,
    isAlive,
    output: () => written.join(''),
    kill: async () => {
      signal(child, 'SIGKILL');
      await gone;
    },
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

const ready = async (broker: BrokerProcess): Promise<void> => {
  const until = performance.now() + READY_WITHIN_MS;
  while (performance.now() < until) {
    if (!broker.isAlive()) throw new Error(`the broker ended:\n${broker.output()}`);
    const answer = await fetch(`${broker.url}/health/ready`).catch(() => undefined);
    if (answer?.status === 200) return;
    await pause(20);
  }
  throw new Error(`the broker was not ready in ${READY_WITHIN_MS} ms:\n${broker.output()}`);
};
