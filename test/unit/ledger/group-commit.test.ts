import { describe, expect, it } from '@jest/globals';
import { createGroupCommit, type GroupCommitOptions } from '../../../src/ledger/group-commit.ts';

/** Commits of numbers, answered by the test when it likes. */
const stage = (given: Partial<GroupCommitOptions<number, string>> = {}) => {
  const batches: {
    readonly items: readonly number[];
    readonly answer: (answers: readonly string[]) => void;
    readonly fail: (error: unknown) => void;
  }[] = [];
  const record = createGroupCommit<number, string>({
    write: (items) =>
      new Promise((resolve, reject) => {
        batches.push({ items, answer: resolve, fail: reject });
      }),
    isItemsFault: (error) => error === 'bad item',
    maxItems: 3,
    maxInFlight: 1,
    maxWaiting: 4,
    overload: () => new Error('overload'),
    patience: 300,
    late: () => new Error('late'),
    ...given,
  });
  return { batches, record };
};

const turn = () => new Promise<void>((resolve) => setTimeout(resolve, 1));

describe('group commit', () => {
  it('writes together what is asked for together, and gives each its own answer', async () => {
    const { batches, record } = stage();
    const asked = [1, 2, 3].map(record);
    await turn();
    expect(batches.map(({ items }) => items)).toEqual([[1, 2, 3]]);
    batches[0]?.answer(['one', 'two', 'three']);
    expect(await Promise.all(asked)).toEqual(['one', 'two', 'three']);
  });

  it('sends no more than it may at once, and the rest when there is room', async () => {
    const { batches, record } = stage();
    const asked = [1, 2, 3, 4].map(record);
    await turn();
    expect(batches).toHaveLength(1);
    batches[0]?.answer(['one', 'two', 'three']);
    await turn();
    batches[1]?.answer(['four']);
    expect(await Promise.all(asked)).toEqual(['one', 'two', 'three', 'four']);
  });

  it('turns away what comes when too many wait', async () => {
    const { record } = stage();
    for (const item of [1, 2, 3, 4]) record(item).catch(() => undefined);
    await expect(record(5)).rejects.toThrow('overload');
  });

  it('refuses all of a batch that failed', async () => {
    const { batches, record } = stage();
    const asked = [1, 2].map((item) => record(item).catch((error: unknown) => error));
    await turn();
    batches[0]?.fail('connection lost');
    expect(await Promise.all(asked)).toEqual(['connection lost', 'connection lost']);
  });

  it('tries the others again, each alone, where one had a value no column takes', async () => {
    const { batches, record } = stage();
    const asked = [1, 2].map((item) => record(item).catch((error: unknown) => error));
    await turn();
    batches[0]?.fail('bad item');
    await turn();
    expect(batches[1]?.items).toEqual([1]);
    batches[1]?.fail('bad item');
    await turn();
    batches[2]?.answer(['two']);
    expect(await Promise.all(asked)).toEqual(['bad item', 'two']);
  });

  it('fails closed for an item the write gave no answer for', async () => {
    const { batches, record } = stage();
    const asked = [1, 2].map((item) => record(item).catch((error: Error) => error.message));
    await turn();
    batches[0]?.answer(['one']);
    expect(await Promise.all(asked)).toEqual(['one', 'the database gave no answer for this item']);
  });

  it('lets no caller wait longer than its patience, though the write may still happen', async () => {
    const { batches, record } = stage({ patience: 20 });
    await expect(record(1)).rejects.toThrow('late');
    expect(batches).toHaveLength(1);
    batches[0]?.answer(['one']);
  });

  it('writes nothing any more for a caller who gave up while waiting its turn', async () => {
    const { batches, record } = stage({ patience: 20 });
    const asked = [1, 2, 3, 4].map((item) => record(item).catch((error: Error) => error.message));
    expect(await Promise.all(asked)).toEqual(['late', 'late', 'late', 'late']);
    batches[0]?.answer(['one', 'two', 'three']);
    await turn();
    expect(batches.map(({ items }) => items)).toEqual([[1, 2, 3]]);
    const next = record(5);
    await turn();
    batches[1]?.answer(['five']);
    expect(await next).toBe('five');
  });
});
