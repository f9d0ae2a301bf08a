import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import pg from 'pg';
import { claimFolder, processCommand } from './folder-claim.ts';
import { type PostgresAccount, postgresAccount } from './postgres-account.ts';

/**
 * Embedded Postgres: how do we get a real database on a machine that has none? It does not know
 * what is kept in it. For development and tests; production names its own with DATABASE_URL.
 *
 * A folder holds `data/` (the cluster), `password` and, while it runs, `url`: all readable by
 * their owner only.
 */

const OWNER = 'daypass';
const DATABASE = 'daypass';
const READY = 'database system is ready to accept connections';
const STOP_PATIENCE_MS = 10_000;

export interface EmbeddedPostgresOptions {
  /** Where everything of this server lives; created when missing. */
  readonly dir: string;
  /** On 127.0.0.1; a free one when absent. */
  readonly port?: number;
  /** False skips fsync: for tests, which may lose everything with the machine. */
  readonly durable?: boolean;
  /** Beside our own, or in place of them: what is given here cannot be altered while the server runs. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Receives the server's own log, line by line. */
  readonly log?: (line: string) => void;
}

export interface EmbeddedPostgres {
  /** Connects as the owner of the database, a superuser. Holds the password. */
  readonly url: string;
  readonly pid: number;
  readonly port: number;
  /** Ends every connection, writes everything down, and returns when the server is gone. */
  stop(): Promise<void>;
}

/**
 * Starts PostgreSQL on loopback, initialising `dir` the first time.
 *
 * A server left behind by a killed process of ours is stopped first.
 * @throws Error naming the remedy: the folder is in use, belongs to someone else, or this machine
 *   lets no unprivileged process run.
 */
export const startEmbeddedPostgres = async (
  options: EmbeddedPostgresOptions,
): Promise<EmbeddedPostgres> => {
  const dir = resolve(options.dir);
  await mkdir(dirname(dir), { recursive: true });
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const account = await postgresAccount(dir);
  const release = await claimFolder(dir);
  try {
    await stopOrphan(dir);
    const password = await initialise(dir, account);
    const { child, port } = await launch(dir, account, options);
    const url = `postgresql://${OWNER}:${password}@127.0.0.1:${port}/${DATABASE}`;
    let stopped: Promise<void> | undefined;
    const shutDown = async (): Promise<void> => {
      await terminate(child);
      await rm(join(dir, 'url'), { force: true });
      await release();
    };
    const stop = (): Promise<void> => {
      stopped ??= shutDown(); // a second call must not release a claim that is no longer ours
      return stopped;
    };
    try {
      await createDatabase(url);
      await writePrivate(join(dir, 'url'), url);
    } catch (error) {
      await stop();
      throw error;
    }
    return { url, pid: child.pid ?? 0, port, stop };
  } catch (error) {
    await release();
    throw error;
  }
};

/** The URL of the server running in `dir`, for a second process; absent when none runs. */
export const runningPostgresUrl = async (dir: string): Promise<string | undefined> => {
  const folder = resolve(dir);
  const pid = await postmasterPid(folder);
  if (pid === undefined || !isPostmasterOf(pid, folder)) return undefined;
  return readFile(join(folder, 'url'), 'utf8').catch(() => undefined);
};

/** Creates the cluster beside its place and moves it in whole, so a cut-off attempt leaves no trace. */
const initialise = async (dir: string, account: PostgresAccount): Promise<string> => {
  const data = join(dir, 'data');
  const passwordFile = join(dir, 'password');
  if (existsSync(data)) return (await readFile(passwordFile, 'utf8')).trim();
  const password = randomBytes(24).toString('base64url');
  await writePrivate(passwordFile, password);
  const fresh = join(dir, 'data.new');
  await rm(fresh, { recursive: true, force: true });
  await mkdir(fresh, { mode: 0o700 });
  await account.own(fresh);
  await account.own(passwordFile);
  await account.run('initdb', [
    `--pgdata=${fresh}`,
    `--username=${OWNER}`,
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale=C',
    '--locale-provider=builtin', // the same order and case rules on every machine
    '--builtin-locale=C.UTF-8',
    '--no-sync',
    '--no-instructions',
  ]);
  await rename(fresh, data);
  return password;
};

const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '100',
  shared_buffers: '64MB',
  max_wal_size: '256MB',
  timezone: 'UTC',
  log_timezone: 'UTC',
};

interface Launched {
  readonly child: ChildProcess;
  readonly port: number;
}

/** Tries again when the port was taken meanwhile, or a killed server's last process is still leaving. */
const launch = async (
  dir: string,
  account: PostgresAccount,
  options: EmbeddedPostgresOptions,
): Promise<Launched> => {
  const TRANSIENT = /Address already in use|pre-existing shared memory block/;
  for (let attempt = 1; ; attempt += 1) {
    const port = options.port ?? (await freePort());
    try {
      return { child: await launchOn(port, dir, account, options), port };
    } catch (error) {
      if (attempt >= 10 || !TRANSIENT.test(String(error))) throw error;
      await pause(200);
    }
  }
};

const launchOn = async (
  port: number,
  dir: string,
  account: PostgresAccount,
  { durable = true, settings: own, log }: EmbeddedPostgresOptions,
): Promise<ChildProcess> => {
  const settings = { ...SETTINGS, port: String(port), ...(!durable && { fsync: 'off' }), ...own };
  const { command, args, ...identity } = account.command('postgres', [
    '-D',
    join(dir, 'data'),
    ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ]);
  // Its own process group: Ctrl-C is for us, and we stop the server after its last user.
  const child = spawn(command, args, {
    ...identity,
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  await ready(child, log);
  return child;
};

/** Resolves when the server says so; rejects with its last words when it exits instead. */
const ready = (child: ChildProcess, log: EmbeddedPostgresOptions['log']): Promise<void> =>
  new Promise((resolveReady, reject) => {
    const lastWords: string[] = [];
    if (child.stderr) {
      createInterface({ input: child.stderr }).on('line', (line) => {
        log?.(line);
        lastWords.push(line);
        if (lastWords.length > 20) lastWords.shift();
        if (line.includes(READY)) resolveReady();
      });
    }
    child.once('error', reject);
    child.once('close', (code, signal) => {
      const words = lastWords.join('\n');
      reject(
        new Error(`embedded PostgreSQL did not start (${signal ?? `exit ${code}`}):\n${words}`),
      );
    });
  });

const createDatabase = async (url: string): Promise<void> => {
  const maintenance = new URL(url);
  maintenance.pathname = '/postgres';
  const client = new pg.Client({ connectionString: maintenance.href });
  await client.connect();
  try {
    const known = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [DATABASE]);
    if (known.rowCount === 0) await client.query(`CREATE DATABASE "${DATABASE}"`);
  } finally {
    await client.end();
  }
};

/** Fast shutdown; a server that has not gone by then is told to leave at once (it recovers on its next start). */
const terminate = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise<void>((resolveGone) => child.once('exit', () => resolveGone()));
  child.kill('SIGINT');
  const impatient = setTimeout(() => child.kill('SIGQUIT'), STOP_PATIENCE_MS);
  await gone;
  clearTimeout(impatient);
};

/** What a SIGKILLed owner leaves: a server that runs on. Only a process proven to be it is signalled. */
const stopOrphan = async (dir: string): Promise<void> => {
  const pid = await postmasterPid(dir);
  if (pid === undefined) return;
  if (!isPostmasterOf(pid, dir)) {
    // The machine gave the number to someone else: PostgreSQL would take that process for a server.
    await rm(join(dir, 'data', 'postmaster.pid'), { force: true });
    return;
  }
  process.kill(pid, 'SIGINT');
  for (let waited = 0; isPostmasterOf(pid, dir); waited += 50) {
    if (waited === STOP_PATIENCE_MS) process.kill(pid, 'SIGQUIT');
    if (waited > 2 * STOP_PATIENCE_MS)
      throw new Error(`PostgreSQL ${pid} does not stop; end it first`);
    await pause(50);
  }
};

const postmasterPid = async (dir: string): Promise<number | undefined> => {
  const file = await readFile(join(dir, 'data', 'postmaster.pid'), 'utf8').catch(() => '');
  const pid = Number.parseInt(file, 10);
  return pid > 0 ? pid : undefined;
};

const isPostmasterOf = (pid: number, dir: string): boolean => {
  const command = processCommand(pid);
  return command.includes('postgres') && command.includes(join(dir, 'data'));
};

const freePort = (): Promise<number> =>
  new Promise((resolvePort, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address ? address.port : 0;
      server.close(() => resolvePort(port));
    });
  });

const writePrivate = async (path: string, text: string): Promise<void> => {
  await writeFile(path, text, { mode: 0o600 });
  await chmod(path, 0o600); // also when the file was there before
};

const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));
