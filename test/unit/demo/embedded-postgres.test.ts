import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import {
  type EmbeddedPostgres,
  runningPostgresUrl,
  startEmbeddedPostgres,
} from '../../../src/demo/embedded-postgres.ts';

const query = async (url: string, sql: string): Promise<Record<string, unknown>[]> => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
};

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describe('embedded PostgreSQL', () => {
  let parent: string;
  let dir: string;
  const running: EmbeddedPostgres[] = [];

  const start = async (): Promise<EmbeddedPostgres> => {
    const server = await startEmbeddedPostgres({ dir, durable: false });
    running.push(server);
    return server;
  };

  beforeAll(async () => {
    parent = await mkdtemp(join(tmpdir(), 'daypass-embedded-')); // 0700: root's own, when we are root
    dir = join(parent, 'pg');
    await (await start()).stop();
  });

  afterEach(async () => {
    for (const server of running.splice(0)) await server.stop();
  });

  afterAll(() => rm(parent, { recursive: true, force: true }));

  it('speaks UTF-8 and UTC, with settings of its own', async () => {
    const { url } = await start();
    expect(
      await query(
        url,
        `SELECT current_database() AS database, current_setting('server_encoding') AS encoding,
           current_setting('timezone') AS timezone, current_setting('listen_addresses') AS address,
           lower('ÄÖ') AS folded`,
      ),
    ).toEqual([
      {
        database: 'daypass',
        encoding: 'UTF8',
        timezone: 'UTC',
        address: '127.0.0.1',
        folded: 'äö',
      },
    ]);
  });

  it('lets nobody in without the password', async () => {
    const { url } = await start();
    const wrong = new URL(url);
    wrong.password = 'guess';
    await expect(query(wrong.href, 'SELECT 1')).rejects.toThrow('password authentication failed');
  });

  it('tells a second process where it runs, and only while it does', async () => {
    const { url, stop } = await start();
    expect(await runningPostgresUrl(dir)).toBe(url);
    expect((await stat(join(dir, 'url'))).mode & 0o077).toBe(0);
    await stop();
    expect(await runningPostgresUrl(dir)).toBeUndefined();
  });

  it('refuses a folder that a living process uses, and leaves its server alone', async () => {
    const { url } = await start();
    await expect(startEmbeddedPostgres({ dir })).rejects.toThrow(
      `${dir} is in use by process ${process.pid}: stop it, or set DAYPASS_HOME`,
    );
    expect(await query(url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('starts again after its server was killed, with all that was committed', async () => {
    const first = await start();
    await query(first.url, 'CREATE TABLE IF NOT EXISTS kept AS SELECT 42 AS answer');
    process.kill(first.pid, 'SIGKILL');
    await first.stop();
    const second = await start();
    expect(await query(second.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
  });

  it('stops the server that a killed process of ours left running', async () => {
    const orphan = await start();
    await writeFile(join(dir, 'claim'), '4194305 1'); // no such process: larger than any id
    const server = await start();
    expect(isAlive(orphan.pid)).toBe(false);
    expect(await query(server.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('does not take for its server a process that was given the same id', async () => {
    await writeFile(join(dir, 'data', 'postmaster.pid'), `${process.ppid}\n${dir}/data\n`);
    await start();
    expect(isAlive(process.ppid)).toBe(true);
  });

  it('begins anew when a first start was cut off', async () => {
    const second = join(parent, 'cut-off');
    await mkdir(join(second, 'data.new'), { recursive: true });
    await writeFile(join(second, 'data.new', 'PG_VERSION'), '18');
    const server = await startEmbeddedPostgres({ dir: second, durable: false });
    running.push(server);
    expect(await query(server.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('says what PostgreSQL says when it cannot start', async () => {
    await expect(startEmbeddedPostgres({ dir, port: 1 << 20 })).rejects.toThrow(
      /did not start.*\n.*port/s,
    );
    expect(await exists(join(dir, 'claim'))).toBe(false);
  });

  const whenRoot = process.getuid?.() === 0 ? describe : describe.skip;
  whenRoot('as root, where user namespaces are refused', () => {
    const path = process.env.PATH;
    let closed: string;

    beforeAll(async () => {
      closed = await mkdtemp(join(tmpdir(), 'daypass-refused-'));
      await writeFile(join(closed, 'unshare'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
      process.env.PATH = `${closed}:${path}`;
    });

    afterAll(async () => {
      process.env.PATH = path;
      await rm(closed, { recursive: true });
    });

    it('names the remedies when the folder is closed to others', async () => {
      await expect(startEmbeddedPostgres({ dir: join(closed, 'pg') })).rejects.toThrow(
        /refuses user namespaces.*ordinary user.*DATABASE_URL/s,
      );
    });

    it('runs as a system account where the folder is open to others', async () => {
      const open = await mkdtemp(join(tmpdir(), 'daypass-open-'));
      await chmod(open, 0o755);
      const startOpen = () => startEmbeddedPostgres({ dir: join(open, 'pg'), durable: false });
      // A checkout in a closed folder keeps its binaries from everybody else: then the remedy is named.
      if (!(await mayEnter(process.cwd()))) {
        await expect(startOpen()).rejects.toThrow(/closed to other users.*DATABASE_URL/s);
        return;
      }
      const server = await startOpen();
      const owner = /^Uid:\t(\d+)/m.exec(await readFile(`/proc/${server.pid}/status`, 'utf8'))?.[1];
      await server.stop();
      expect(owner).not.toBe('0');
      process.env.PATH = path; // and as root again, over the same data, once namespaces are allowed
      await (await startOpen()).stop();
      await rm(open, { recursive: true });
    });
  });
});

/** Whether other users may go through this folder and all above it. */
const mayEnter = async (folder: string): Promise<boolean> => {
  const { mode } = await stat(folder);
  if ((mode & 0o001) === 0) return false;
  return dirname(folder) === folder || mayEnter(dirname(folder));
};
