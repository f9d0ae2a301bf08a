import { describe, expect, it } from '@jest/globals';
import { createSweepStaging } from '../../../src/broker/upload/sweep-staging.ts';
import type { ListedPage } from '../../../src/storage/object-store.ts';

const NOW = new Date('2026-11-22T12:00:00Z');
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const key = (name: string): string => `.daypass-staging/ob_${name}/x`;

/** What lies in staging, by how long ago it came; and what the ledger says of it. */
const open = (
  staged: Readonly<Record<string, number>>,
  { late = [] as readonly string[], unknown = [] as readonly string[], broken = '' } = {},
) => {
  const deleted: string[] = [];
  const asked: (string | undefined)[] = [];
  const errors: unknown[] = [];
  const names = Object.keys(staged);
  /** Two a page. */
  const list = async (_: string, cursor = '0'): Promise<ListedPage> => {
    asked.push(cursor);
    const from = Number(cursor);
    const items = names.slice(from, from + 2).map((name) => ({
      key: key(name),
      storedAt: new Date(NOW.getTime() - (staged[name] ?? 0)),
    }));
    return { items, ...(from + 2 < names.length && { cursor: String(from + 2) }) };
  };
  const sweep = createSweepStaging({
    objects: {
      strays: async (keys) =>
        keys.flatMap((stagingKey) => {
          const isLate = late.some((name) => key(name) === stagingKey);
          const isUnknown = unknown.some((name) => key(name) === stagingKey);
          return isLate || isUnknown ? [{ stagingKey, isLate }] : [];
        }),
    },
    stores: () =>
      ({
        list,
        delete: async (stagingKey: string) => {
          if (stagingKey === key(broken)) throw new Error('the storage says nothing');
          deleted.push(stagingKey);
        },
      }) as never,
    buckets: () => ['b'],
    now: () => NOW,
    onError: (error) => void errors.push(error),
  });
  const rounds = async (times: number): Promise<void> => {
    for (let round = 0; round < times; round += 1) await sweep();
  };
  return { rounds, deleted, asked, errors };
};

describe('the sweep of staging', () => {
  it('takes what came after its upload had been settled and cleared, once it is no longer fresh', async () => {
    const staged = { old: HOUR, fresh: HOUR - 1 };
    const { rounds, deleted } = open(staged, { late: ['old', 'fresh'] });
    await rounds(1);
    expect(deleted).toEqual([key('old')]);
  });

  it('takes what the ledger knows nothing of after a week', async () => {
    const staged = { old: 7 * DAY, young: 7 * DAY - 1 };
    const { rounds, deleted } = open(staged, { unknown: ['old', 'young'] });
    await rounds(1);
    expect(deleted).toEqual([key('old')]);
  });

  it('leaves what may still be inspected, however long it waits', async () => {
    const { rounds, deleted } = open({ waiting: 400 * DAY });
    await rounds(3);
    expect(deleted).toEqual([]);
  });

  it('looks at one page a round, round and round', async () => {
    const { rounds, asked } = open({ a: HOUR, b: HOUR, c: HOUR, d: HOUR, e: HOUR });
    await rounds(5);
    expect(asked).toEqual(['0', '2', '4', '0', '2']);
  });

  it('is held up by nothing that cannot be deleted', async () => {
    const staged = { a: HOUR, b: HOUR };
    const { rounds, deleted, errors } = open(staged, { late: ['a', 'b'], broken: 'a' });
    await rounds(1);
    expect([deleted, errors.length]).toEqual([[key('b')], 1]);
  });
});
