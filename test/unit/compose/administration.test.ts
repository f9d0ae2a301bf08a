import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { openForAdministration } from '../../../src/compose/administration.ts';
import { loadConfig } from '../../../src/config/config.ts';
import { emptyDatabase, freshDatabase, type TestDatabase } from '../../support/postgres.ts';

const HOUR = 3_600_000;

let home: string;
let database: TestDatabase;
let empty: TestDatabase;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'daypass-administration-'));
  [database, empty] = await Promise.all([freshDatabase(), emptyDatabase()]);
});
afterAll(async () => {
  jest.restoreAllMocks();
  await Promise.all([database.drop(), empty.drop(), rm(home, { recursive: true })]);
});

const configFor = (url: string) =>
  loadConfig({ DATABASE_URL: url, DAYPASS_HOME: home }, { exists: () => false, read: () => '' });

describe('openForAdministration', () => {
  it('records by the clock of the database, however wrong that of this machine is', async () => {
    const truth = Date.now();
    const [wall, monotonic] = [Date.now.bind(Date), performance.now.bind(performance)];
    jest.spyOn(Date, 'now').mockImplementation(() => wall() + HOUR);
    jest.spyOn(performance, 'now').mockImplementation(() => monotonic() + HOUR);
    const { configure, ledger, close } = await openForAdministration(configFor(database.url));
    try {
      await configure.apply({ tenants: [{ id: 'acme' }] }, { by: 'a test', source: 'a test' });
      const applied = await ledger.configurations.current();
      expect(Math.abs(Number(applied?.appliedAt) - truth)).toBeLessThan(HOUR / 2);
    } finally {
      jest.restoreAllMocks();
      await close();
    }
  });

  it('opens a database that has yet to be migrated', async () => {
    const { migrate, close } = await openForAdministration(configFor(empty.url));
    try {
      expect((await migrate()).length).toBeGreaterThan(0);
    } finally {
      await close();
    }
  });
});
