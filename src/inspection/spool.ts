import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { unavailable } from '../protocol/oauth-error.ts';

/** A place on this machine's disk where a file lies while it is looked into; never more than `limit` bytes in all. */
export interface Spool {
  /** Waits for room. @throws OAuthError `temporarily_unavailable` where the disk takes nothing. */
  open(size: number): Promise<Spooled>;
  /** Removes what processes that were killed left behind; to be called at start. */
  sweep(now: Date): Promise<void>;
}

export interface Spooled {
  readonly path: string;
  write(chunk: Uint8Array): Promise<void>;
  /** All is written, and may be read under `path`. */
  close(): Promise<void>;
  /** Removes the file; harmless twice. */
  discard(): Promise<void>;
}

/** Longer than any inspection takes. */
const ABANDONED_MS = 3_600_000;

export const createSpool = (folder: string, limit: number): Spool => {
  const room = createRoom(limit);
  return {
    open: async (size) => {
      const leave = await room.enter(Math.min(size, limit));
      try {
        await mkdir(folder, { recursive: true, mode: 0o700 });
        return await spoolFile(join(folder, `${process.pid}-${randomUUID()}`), leave);
      } catch (error) {
        leave();
        throw full(error);
      }
    },

    // Leans to removing: another machine's file that is still read is inspected once more, and that is all.
    sweep: async (now) => {
      for (const name of await readdir(folder).catch(() => [])) {
        const path = join(folder, name);
        if (await isLeftBehind(path, name, now)) await rm(path, { force: true });
      }
    },
  };
};

const spoolFile = async (path: string, leave: () => void): Promise<Spooled> => {
  const handle = await open(path, 'wx', 0o600);
  return {
    path,
    write: async (chunk) => {
      try {
        await handle.writeFile(chunk); // from where the last one ended
      } catch (error) {
        throw full(error);
      }
    },
    close: () => handle.close(),
    discard: async () => {
      await handle.close().catch(() => {});
      await rm(path, { force: true }).finally(leave);
    },
  };
};

const full = (error: unknown) => unavailable('there is no room to inspect an upload in', error);

const isLeftBehind = async (path: string, name: string, now: Date): Promise<boolean> => {
  const pid = Number(name.split('-', 1)[0]);
  if (!isRunning(pid)) return true;
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) return false;
  // In a container every process has the same number.
  const isOfEarlierLife = pid === process.pid && found.mtimeMs < performance.timeOrigin;
  return isOfEarlierLife || now.getTime() - found.mtimeMs > ABANDONED_MS;
};

const isRunning = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
};

/** First come, first served: a large file is not overtaken for ever by small ones. */
const createRoom = (limit: number) => {
  const waiting: { readonly size: number; readonly enter: () => void }[] = [];
  let taken = 0;
  const admit = (): void => {
    for (let next = waiting[0]; next && taken + next.size <= limit; next = waiting[0]) {
      waiting.shift();
      taken += next.size;
      next.enter();
    }
  };
  return {
    enter: (size: number): Promise<() => void> =>
      new Promise((resolve) => {
        let isIn = true;
        const leave = (): void => {
          if (!isIn) return;
          isIn = false;
          taken -= size;
          admit();
        };
        waiting.push({ size, enter: () => resolve(leave) });
        admit();
      }),
  };
};
