import { hash, randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import {
  copyFile,
  link,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';

/**
 * Objects as files. An object is a folder holding `body` and `meta.json`, put in place by one rename, so
 * that it is there whole or not at all; bodies never change once in place. The folder's name is the
 * SHA-256 of the key: no key can leave the root, collide with a longer one (`a` and `a/b`), or be too
 * long or differently spelt for a file system. The key itself is kept in `meta.json`.
 */
export interface ObjectFiles {
  stat(key: string): Promise<ObjectMeta | undefined>;
  /** Undefined when the object is not there. Both ends inclusive and within the object. */
  read(key: string, range?: { start: number; end: number }): Promise<Readable | undefined>;
  /** A place to write a body to, on the same file system, seen by nobody. */
  stage(): Promise<Staged>;
  /** False when `key` was taken, however close the race: one rename decides. */
  publish(staged: Staged, key: string, meta: Meta): Promise<boolean>;
  discard(staged: Staged): Promise<void>;
  /** Fills `staged` with the body of `key`; false when that is not there. */
  borrow(staged: Staged, key: string): Promise<boolean>;
  delete(key: string): Promise<void>;
  /** Some of all objects, by the folders they lie in; `next` is where the others begin. */
  page(from?: string): Promise<{ readonly found: readonly Dated[]; readonly next?: string }>;
  /** Removes what a killed process left half-written more than an hour before `now`. */
  sweep(now: Date): Promise<void>;
}

export interface Meta {
  readonly size: number;
  /** Hex. */
  readonly sha256: string;
  readonly contentType: string;
}

export interface ObjectMeta extends Meta {
  readonly key: string;
}

export interface Dated {
  readonly key: string;
  readonly storedAt: Date;
}

export interface Staged {
  readonly folder: string;
  readonly body: string;
}

const ABANDONED_MS = 3_600_000;
/** Objects that are looked at for one page, at least. */
const PAGE = 1000;
/** Private to the process's user. */
const FOLDER = { recursive: true, mode: 0o700 } as const;
const NEW_FILE = { flag: 'wx', mode: 0o600, flush: true } as const;

const codeOf = (error: unknown): string | undefined =>
  (error as NodeJS.ErrnoException | undefined)?.code;

/** Undefined for "not there"; every other failure is thrown. */
const ifPresent = async <T>(operation: Promise<T>): Promise<T | undefined> => {
  try {
    return await operation;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
};

/** Makes a rename survive a power cut. */
const syncFolder = async (folder: string): Promise<void> => {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
};

/** Undefined where it went meanwhile. */
const dateOf = async (folder: string): Promise<Dated | undefined> => {
  const path = join(folder, 'meta.json');
  const [text, file] = await Promise.all([
    ifPresent(readFile(path, 'utf8')),
    ifPresent(stat(path)),
  ]);
  if (text === undefined || file === undefined) return undefined;
  const { key } = JSON.parse(text) as ObjectMeta;
  return { key, storedAt: file.mtime };
};

export const createObjectFiles = (root: string): ObjectFiles => {
  const incoming = join(root, 'incoming');

  const folderOf = (key: string): string => {
    const name = hash('sha256', key);
    return join(root, 'objects', name.slice(0, 2), name.slice(2));
  };

  const stage: ObjectFiles['stage'] = async () => {
    const folder = join(incoming, randomUUID());
    await mkdir(folder, FOLDER);
    return { folder, body: join(folder, 'body') };
  };

  const discard: ObjectFiles['discard'] = ({ folder }) =>
    rm(folder, { recursive: true, force: true });

  return {
    stage,
    discard,

    stat: async (key) => {
      const text = await ifPresent(readFile(join(folderOf(key), 'meta.json'), 'utf8'));
      return text === undefined ? undefined : (JSON.parse(text) as ObjectMeta);
    },

    read: async (key, range) => {
      // A link planted in the folder is not followed: O_NOFOLLOW.
      const flags = constants.O_RDONLY | constants.O_NOFOLLOW;
      const handle = await ifPresent(open(join(folderOf(key), 'body'), flags));
      return handle?.createReadStream(range);
    },

    publish: async (staged, key, meta) => {
      const content: ObjectMeta = { key, ...meta };
      await writeFile(join(staged.folder, 'meta.json'), JSON.stringify(content), NEW_FILE);
      await syncFolder(staged.folder);
      const folder = folderOf(key);
      await mkdir(dirname(folder), FOLDER);
      try {
        // POSIX rename never replaces a folder that is not empty, and an object's never is.
        await rename(staged.folder, folder);
      } catch (error) {
        const code = codeOf(error);
        if (code === 'ENOTEMPTY' || code === 'EEXIST') return false;
        throw error;
      }
      await syncFolder(dirname(folder));
      return true;
    },

    borrow: async (staged, key) => {
      const body = join(folderOf(key), 'body');
      try {
        await link(body, staged.body);
      } catch (error) {
        if (codeOf(error) === 'ENOENT') return false;
        // Some file systems have no hard links.
        await copyFile(body, staged.body, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
      }
      return true;
    },

    delete: async (key) => {
      const away = await stage();
      // Out of sight in one step, then removed at leisure.
      await ifPresent(rename(folderOf(key), join(away.folder, 'deleted')));
      await discard(away);
    },

    page: async (from = '') => {
      const found: Dated[] = [];
      const shards = ((await ifPresent(readdir(join(root, 'objects')))) ?? []).sort();
      for (const shard of shards.filter((name) => name >= from)) {
        if (found.length >= PAGE) return { found, next: shard };
        const folder = join(root, 'objects', shard);
        const names = (await ifPresent(readdir(folder))) ?? [];
        const dated = await Promise.all(names.map((name) => dateOf(join(folder, name))));
        found.push(...dated.filter((one) => one !== undefined));
      }
      return { found };
    },

    sweep: async (now) => {
      for (const name of (await ifPresent(readdir(incoming))) ?? []) {
        const folder = join(incoming, name);
        const found = await ifPresent(stat(folder));
        if (found !== undefined && now.getTime() - found.mtimeMs > ABANDONED_MS)
          await rm(folder, { recursive: true, force: true });
      }
    },
  };
};
