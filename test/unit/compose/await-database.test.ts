import { type AddressInfo, connect, createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { awaitDatabase, whereabouts } from '../../../src/compose/await-database.ts';
import { startDaypass } from '../../../src/compose.ts';
import { loadConfig } from '../../../src/config/config.ts';
import { unavailable } from '../../../src/protocol/oauth-error.ts';
import { startTestDaypass } from '../../support/daypass.ts';
import { freshDatabase } from '../../support/postgres.ts';

const failing = (code: string | undefined) =>
  unavailable('database', Object.assign(new Error('no'), code === undefined ? {} : { code }));

/** Asks a database that fails `errors` in this order; time passes while it waits, and only then. */
const attempt = async (errors: readonly unknown[], each = 0) => {
  let now = 0;
  const waits: number[] = [];
  const lines: object[] = [];
  const left = [...errors];
  let asked = 0;
  const outcome = await awaitDatabase(
    async () => {
      asked += 1;
      now += each;
      const error = left.shift();
      if (error !== undefined) throw error;
    },
    {
      where: 'db.example:5432',
      logger: { warn: (line: object) => void lines.push(line) } as never,
      elapsed: () => now,
      wait: async (milliseconds) => {
        waits.push(milliseconds);
        now += milliseconds;
      },
    },
  ).then(
    () => 'answered',
    () => 'failed',
  );
  return { outcome, asked, waits, lines, now };
};

describe('waiting for the database', () => {
  it.each([
    ['refuses connections', 'ECONNREFUSED'],
    ['has no name yet', 'ENOTFOUND'],
    ['is starting up', '57P03'],
    ['has no connection to spare', '53300'],
    ['says nothing', undefined],
  ])('asks again where it %s, a little later each time, and says so', async (_, code) => {
    const { outcome, asked, waits, lines } = await attempt(Array(6).fill(failing(code)));
    expect({ outcome, asked, waits }).toEqual({
      outcome: 'answered',
      asked: 7,
      waits: [250, 500, 1_000, 2_000, 4_000, 4_000],
    });
    expect(lines).toHaveLength(6);
    expect(lines[0]).toEqual({ database: 'db.example:5432', secondsLeft: 30 });
  });

  it.each([
    ['the password is wrong', '28P01'],
    ['the role may not be taken', '42501'],
    ['the role does not exist', '22023'],
    ['there is no such database', '3D000'],
    ['nothing was migrated', '42P01'],
  ])('fails at once where %s', async (_, code) => {
    const { outcome, asked } = await attempt(Array(6).fill(failing(code)));
    expect({ outcome, asked }).toEqual({ outcome: 'failed', asked: 1 });
  });

  it('gives up after 30 s, however long each attempt takes', async () => {
    const { outcome, now } = await attempt(Array(100).fill(failing('ECONNREFUSED')), 1_000);
    expect(outcome).toBe('failed');
    expect(now).toBeGreaterThanOrEqual(30_000);
    expect(now).toBeLessThanOrEqual(32_000);
  });

  it('names host and port, never who connects', () => {
    expect(whereabouts('postgresql://ana:secret@db.example/daypass')).toBe('db.example:5432');
    expect(whereabouts('postgresql://ana:secret@db.example:6432/daypass')).toBe('db.example:6432');
  });
});

describe('a broker that starts before its database', () => {
  let database: Awaited<ReturnType<typeof freshDatabase>>;
  beforeAll(async () => {
    database = await freshDatabase();
  }, 60_000);
  afterAll(() => database?.drop());

  it('is ready once the database is', async () => {
    const [there, gate] = [new URL(database.url), createServer()];
    gate.on('connection', (socket) => {
      const onward = connect(Number(there.port), there.hostname);
      socket.pipe(onward).pipe(socket);
      socket.on('error', () => onward.destroy());
      onward.on('error', () => socket.destroy());
    });
    await new Promise<void>((resolve) => gate.listen(0, '127.0.0.1', resolve));
    const { port } = gate.address() as AddressInfo;
    await new Promise((resolve) => gate.close(resolve));

    const url = new URL(database.url);
    url.hostname = '127.0.0.1';
    url.port = String(port);
    const lines: string[] = [];
    const logger = pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) });
    const starting = startTestDaypass({ env: { DATABASE_URL: url.href }, logger });
    setTimeout(() => gate.listen(port, '127.0.0.1'), 1_500);
    const broker = await starting;
    expect((await fetch(`${broker.url}/health/ready`)).status).toBe(200);
    await broker.stop();
    gate.close();
    expect(lines.join('')).toContain('waiting for the database to answer');
  }, 30_000);

  it('does not wait for a password to become right', async () => {
    const url = new URL(database.url);
    url.username = 'nobody-here';
    const env = { DATABASE_URL: url.href };
    const begun = performance.now();
    await expect(
      startDaypass(loadConfig(env), { env, logger: pino({ level: 'silent' }) }),
    ).rejects.toThrow(/28P01|28000/);
    expect(performance.now() - begun).toBeLessThan(5_000);
  });
});
