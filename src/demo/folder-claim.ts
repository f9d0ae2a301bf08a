import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Folder claim: is another living process of ours using this folder?
 *
 * A claim names its process by id and start time, since ids come round again (in a container, at
 * every start). It is advice with a clear message; what guards the data is PostgreSQL's own lock.
 */

/**
 * Claims `dir` for this process until the returned function is called, or the process is gone.
 *
 * @throws Error when a living process holds it.
 */
export const claimFolder = async (dir: string): Promise<() => Promise<void>> => {
  const file = join(dir, 'claim');
  const mine = `${process.pid} ${startedAt(process.pid)}`;
  const draft = `${file}.${process.pid}`;
  await writeFile(draft, mine, { mode: 0o600 });
  try {
    await take(draft, file, dir);
  } finally {
    await rm(draft, { force: true });
  }
  return () => rm(file, { force: true });
};

/** `link` either makes the whole claim or finds one: no moment shows half of it. */
const take = async (draft: string, file: string, dir: string): Promise<void> => {
  for (let attempt = 1; attempt <= 3; attempt += 1) {
    const taken = await link(draft, file).then(
      () => true,
      (error: NodeJS.ErrnoException) => {
        if (error.code === 'EEXIST') return false;
        throw error;
      },
    );
    if (taken) return;
    const holder = await readFile(file, 'utf8').catch(() => '');
    const [pid = '', started] = holder.split(' ');
    if (holder !== '' && startedAt(Number(pid)) === started) {
      throw new Error(
        `${dir} is in use by process ${pid}: stop it, or set DAYPASS_HOME to another folder`,
      );
    }
    await rm(file, { force: true });
  }
  throw new Error(`${dir} is being claimed by another process: try again`);
};

/** Clock ticks after boot, as /proc tells it; `alive` where there is no /proc; empty when there is no such process. */
const startedAt = (pid: number): string => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // Field 22; the second, the command's name in parentheses, may hold spaces.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    if (process.platform === 'linux') return '';
  }
  try {
    process.kill(pid, 0);
    return 'alive';
  } catch {
    return '';
  }
};

/** A process's command line; empty when there is no such process, or it is a zombie. */
export const processCommand = (pid: number): string => {
  try {
    if (process.platform === 'linux') {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
    }
    return execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' });
  } catch {
    return '';
  }
};
