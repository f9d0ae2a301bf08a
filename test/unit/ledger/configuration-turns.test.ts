import { setTimeout as passed } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { type Database, openDatabase } from '../../../src/ledger/postgres/client.ts';
import { createConfigurations } from '../../../src/ledger/postgres/configurations.ts';
import { freshDatabase, type TestDatabase } from '../../support/postgres.ts';

let server: TestDatabase;
let instances: Database[];
let impatient: Database;
beforeAll(async () => {
  server = await freshDatabase();
  const open = (more: object = {}): Database =>
    openDatabase({ url: server.url, onConnectionError: () => undefined, ...more });
  instances = [open(), open(), open()];
  impatient = open({ patience: 200 });
  for (const each of [...instances, impatient]) await each.$queryRaw`SELECT 1`;
}, 60_000);
afterAll(async () => {
  for (const each of [...instances, impatient]) await each.$disconnect();
  await server.drop();
});

describe('a turn at the configuration', () => {
  it('is one instance’s at a time, and each has its own', async () => {
    let busy = 0;
    let most = 0;
    const work = async (n: number): Promise<number> => {
      busy += 1;
      most = Math.max(most, busy);
      await passed(5);
      busy -= 1;
      return n;
    };
    const turns = Array.from({ length: 9 }, (_, n) =>
      createConfigurations(instances[n % 3]!).inTurn(() => work(n)),
    );
    expect(await Promise.all(turns)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    expect(most).toBe(1);
  });

  it('that ends in a refusal is refused once, and over', async () => {
    const { inTurn } = createConfigurations(instances[0]!);
    let tries = 0;
    const refused = inTurn(async () => {
      tries += 1;
      throw new Error('no');
    });
    await expect(refused).rejects.toThrow('no');
    expect(tries).toBe(1);
    expect(await createConfigurations(instances[1]!).inTurn(async () => 'next')).toBe('next');
  });

  it('that does not come is done without: an instance that hangs keeps nobody from working', async () => {
    const hung = new pg.Client({ connectionString: server.url });
    await hung.connect();
    await hung.query('BEGIN');
    await hung.query("SELECT pg_advisory_xact_lock(hashtextextended('configuration turn', 0))");
    let tries = 0;
    const done = await createConfigurations(impatient).inTurn(async () => {
      tries += 1;
      return 'done';
    });
    await hung.end();
    expect([done, tries]).toEqual(['done', 1]);
  });
});
