import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { createRounds } from '../../../src/compose/rounds.ts';

/** Work whose end the test decides. */
const deferred = () => {
  const pending: { resolve: () => void; reject: (error: unknown) => void }[] = [];
  return {
    pending,
    work: () => new Promise<void>((resolve, reject) => pending.push({ resolve, reject })),
  };
};

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

describe('work that comes round', () => {
  it('comes round each time, for each kind of work on its own', async () => {
    const rounds = createRounds(() => undefined);
    const seen: string[] = [];
    rounds.every(1_000, async () => seen.push('often'));
    rounds.every(2_000, async () => seen.push('seldom'));
    await jest.advanceTimersByTimeAsync(4_000);
    expect(seen.filter((name) => name === 'often')).toHaveLength(4);
    expect(seen.filter((name) => name === 'seldom')).toHaveLength(2);
    await rounds.stop();
  });

  it('is never done twice at once, and is done again once it has ended', async () => {
    const rounds = createRounds(() => undefined);
    const { pending, work } = deferred();
    rounds.every(1_000, work);
    await jest.advanceTimersByTimeAsync(5_000);
    expect(pending).toHaveLength(1);
    pending[0]?.resolve();
    await jest.advanceTimersByTimeAsync(1_000);
    expect(pending).toHaveLength(2);
    pending[1]?.resolve();
    await rounds.stop();
  });

  it('goes on after a round that fails, and says so', async () => {
    const failures: unknown[] = [];
    const rounds = createRounds((error) => failures.push(error));
    const down = new Error('down');
    rounds.every(1_000, async () => {
      throw down;
    });
    await jest.advanceTimersByTimeAsync(2_000);
    expect(failures).toEqual([down, down]);
    await rounds.stop();
  });

  it('stops: what is under way ends first, and nothing begins after it', async () => {
    const rounds = createRounds(() => undefined);
    const { pending, work } = deferred();
    rounds.every(1_000, work);
    await jest.advanceTimersByTimeAsync(1_000);
    let stopped = false;
    const stopping = rounds.stop().then(() => {
      stopped = true;
    });
    await jest.advanceTimersByTimeAsync(3_000);
    expect(stopped).toBe(false);
    pending[0]?.resolve();
    await stopping;
    await jest.advanceTimersByTimeAsync(3_000);
    expect(pending).toHaveLength(1);
  });
});
