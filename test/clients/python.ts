import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** Programs in Python, with the packages of requirements.txt and no others. */

const REQUIREMENTS = join(import.meta.dirname, 'requirements.txt');
const CACHE = join(import.meta.dirname, '../../node_modules/.cache');

/** An interpreter of its own, made once for each requirements.txt. */
const interpreter = (): string => {
  const digest = createHash('sha256').update(readFileSync(REQUIREMENTS)).digest('hex');
  const folder = join(CACHE, `daypass-python-${digest.slice(0, 12)}`);
  const python = join(folder, 'bin/python');
  const done = join(folder, 'requirements.txt');
  if (existsSync(done)) return python;
  rmSync(folder, { recursive: true, force: true });
  const run = (command: string, ...args: string[]) =>
    execFileSync(command, args, { stdio: 'pipe', timeout: 110_000 });
  run('python3', '-m', 'venv', folder);
  run(python, '-m', 'pip', 'install', '--quiet', '--no-deps', '--requirement', REQUIREMENTS);
  run('cp', REQUIREMENTS, `${done}.part`);
  renameSync(`${done}.part`, done);
  return python;
};

export interface Program {
  /** Sends one line of JSON, and waits for the next that comes. */
  ask<Answer>(message: object): Promise<Answer>;
  stop(): void;
}

/** A program that answers each line of JSON by one, with `{"failed": …}` where it could not. */
export const startPython = (file: string, env: Readonly<Record<string, string>>): Program => {
  const child = spawn(interpreter(), [join(import.meta.dirname, file)], {
    env: { PATH: process.env.PATH ?? '', PYTHONUNBUFFERED: '1', ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const told: string[] = [];
  child.stderr.setEncoding('utf8').on('data', (text: string) => told.push(text));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    ask: async <Answer>(message: object): Promise<Answer> => {
      child.stdin.write(`${JSON.stringify(message)}\n`);
      const { value, done } = await lines.next();
      if (done) throw new Error(`${file} ended: ${told.join('')}`);
      const answer = JSON.parse(value) as { failed?: string };
      if (answer.failed !== undefined) throw new Error(`${file}: ${answer.failed}`);
      return answer as Answer;
    },
    stop: () => void child.kill(),
  };
};
