import { describe, expect, it } from '@jest/globals';
import { createCurrentConfiguration } from '../../../src/broker/configure/current-configuration.ts';
import type { AppliedConfiguration } from '../../../src/ledger/ledger.ts';
import { unavailable } from '../../../src/protocol/oauth-error.ts';

const applied = (version: number): AppliedConfiguration => ({
  version,
  digest: 'sha256:0',
  document: { tenants: [{ id: `tenant-${version}` }] },
  appliedBy: 'a test',
  appliedAt: new Date(0),
  source: 'a test',
});

/** A database whose version moves, and which can be cut off. */
const setUp = async () => {
  const database = { version: 1, isUp: true, asked: 0 };
  let milliseconds = 0;
  const answer = async <Value>(value: Value): Promise<Value> => {
    database.asked += 1;
    if (!database.isUp) throw unavailable('cut off');
    return value;
  };
  const configuration = createCurrentConfiguration({
    configurations: {
      version: () => answer(database.version),
      current: () => answer(applied(database.version)),
    },
    production: false,
    elapsed: () => milliseconds,
  });
  await configuration.refresh();
  database.asked = 0;
  return {
    database,
    configuration,
    pass: (elapsed: number) => {
      milliseconds += elapsed;
    },
  };
};

describe('the configuration in force', () => {
  it('is believed for three seconds without asking the database', async () => {
    const { configuration, database, pass } = await setUp();
    database.isUp = false;
    pass(3_000);
    expect((await configuration.confirm()).version).toBe(1);
    expect(database.asked).toBe(0);
  });

  it('is not believed any longer when the database cannot be asked', async () => {
    const { configuration, database, pass } = await setUp();
    database.isUp = false;
    pass(3_001);
    await expect(configuration.confirm()).rejects.toMatchObject({ status: 503 });
    database.isUp = true;
    expect((await configuration.confirm()).version).toBe(1);
  });

  it('is read again, once for all who wait, when a newer version is in force', async () => {
    const { configuration, database, pass } = await setUp();
    database.version = 2;
    pass(3_001);
    const all = await Promise.all([1, 2, 3].map(() => configuration.confirm()));
    expect(all.map(({ version }) => version)).toEqual([2, 2, 2]);
    expect(configuration.get().index.tenant('tenant-2')).toBeDefined();
    expect(database.asked).toBe(2); // its version, and then the document
  });

  it('is believed anew from each poll on, counted from the question and not the answer', async () => {
    const { configuration, database, pass } = await setUp();
    pass(2_000);
    const polled = configuration.poll();
    pass(2_000);
    await polled;
    database.isUp = false;
    pass(1_000);
    expect((await configuration.confirm()).version).toBe(1);
    pass(1);
    await expect(configuration.confirm()).rejects.toMatchObject({ status: 503 });
  });

  it('never goes back to a version that a slow answer still shows', async () => {
    const slow = Promise.withResolvers<AppliedConfiguration>();
    const answers = [slow.promise, Promise.resolve(applied(2))];
    const configuration = createCurrentConfiguration({
      configurations: {
        version: async () => 2,
        current: async () => answers.shift(),
      },
      production: false,
      elapsed: () => 0,
    });
    const first = configuration.refresh();
    await configuration.refresh();
    slow.resolve(applied(1));
    await first;
    expect(configuration.get().version).toBe(2);
  });
});
