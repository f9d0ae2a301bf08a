import { describe, expect, it } from '@jest/globals';
import { createUploadPoller } from '../../../src/broker/upload/upload-poller.ts';
import type { ObjectStep, Page } from '../../../src/ledger/ledger.ts';
import type { ObjectRecord } from '../../../src/ledger/records.ts';

const NOW = new Date('2026-11-22T12:00:00Z');
const NEVER_MADE = 500;

const idOf = (place: number): string => `ob_${String(place).padStart(6, '0')}`;

/** Uploads that were asked for, of which only those in `arrived` have bytes. */
const startPoller = (arrived: ReadonlySet<string>, broken: ReadonlySet<string> = new Set()) => {
  const waiting = Array.from({ length: NEVER_MADE }, (_, place) => ({
    objectId: idOf(place),
    stagingKey: idOf(place),
    bucketId: 'project-123',
    uploadExpiresAt: new Date(NOW.getTime() + 300_000),
  })) as unknown as ObjectRecord[];
  const steps: ObjectStep[] = [];
  const asked: Page[] = [];
  const errors: unknown[] = [];
  const poller = createUploadPoller({
    objects: {
      pending: async (page: Page) => {
        asked.push(page);
        const after = page.after ?? '';
        return waiting.filter(({ objectId }) => objectId > after).slice(0, page.limit);
      },
      advance: async (step: ObjectStep) => void steps.push(step),
      lease: async () => [],
      stale: async () => [],
      misplaced: async () => [],
    },
    stores: () => ({
      head: async (key: string) => {
        if (broken.has(key)) throw new Error('the storage says nothing');
        return arrived.has(key) ? {} : undefined;
      },
    }),
    validate: async () => 'available',
    settleBytes: async () => {},
    now: () => NOW,
    onError: (error: unknown) => void errors.push(error),
  } as unknown as Parameters<typeof createUploadPoller>[0]);
  return { poller, steps, asked, errors };
};

const rounds = async (poller: { poll(): Promise<void> }, times: number): Promise<void> => {
  for (let round = 0; round < times; round += 1) await poller.poll();
};

describe('the upload poller', () => {
  it('finds what arrived behind any number of uploads that nobody makes', async () => {
    const last = idOf(NEVER_MADE - 1);
    const { poller, steps, asked } = startPoller(new Set([last]));
    await rounds(poller, Math.ceil(NEVER_MADE / (asked[0]?.limit ?? 64)));
    expect(steps).toMatchObject([{ objectId: last, from: ['pending'], to: 'uploaded' }]);
  });

  it('begins again at the oldest once it has seen them all', async () => {
    const arrived = new Set<string>();
    const { poller, steps } = startPoller(arrived);
    await rounds(poller, 3);
    arrived.add(idOf(0));
    await rounds(poller, 2 + Math.ceil(NEVER_MADE / 64));
    expect(steps.map(({ objectId }) => objectId)).toEqual([idOf(0)]);
  });

  it('is held up by none whose storage fails', async () => {
    const { poller, steps, errors } = startPoller(new Set([idOf(1)]), new Set([idOf(0)]));
    await rounds(poller, 1);
    expect(steps.map(({ objectId }) => objectId)).toEqual([idOf(1)]);
    expect(errors).toHaveLength(1);
  });
});

/** Uploads that have arrived, and how many of them are validated at once. */
const startArrived = (arrived: number) => {
  const waiting = Array.from({ length: arrived }, (_, place) => ({ objectId: idOf(place) }));
  const seen = { leases: 0, underWay: 0, most: 0, validated: new Set<string>() };
  const poller = createUploadPoller({
    objects: {
      lease: async (_now: Date, _until: Date, limit: number) => {
        seen.leases += 1;
        await turn();
        return waiting.splice(0, limit);
      },
      renew: async () => {},
    },
    validate: async ({ objectId }: ObjectRecord) => {
      seen.underWay += 1;
      seen.most = Math.max(seen.most, seen.underWay);
      await turn();
      seen.underWay -= 1;
      seen.validated.add(objectId);
      return 'available';
    },
    now: () => NOW,
    onError: (error: unknown) => {
      throw error;
    },
  } as unknown as Parameters<typeof createUploadPoller>[0]);
  return { poller, seen };
};

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const turns = async (most: number, isDone: () => boolean): Promise<void> => {
  for (let taken = 0; taken < most && !isDone(); taken += 1) await turn();
};

describe('validation', () => {
  it('goes on with what had no room, without being woken again', async () => {
    const { poller, seen } = startArrived(100);
    await poller.validateArrived();
    await turns(200, () => seen.validated.size === 100);
    expect(seen.validated.size).toBe(100);
    expect(seen.most).toBe(16);
  });

  it('asks the ledger once for all who wake it together, and once more for who came meanwhile', async () => {
    const { poller, seen } = startArrived(3);
    await Promise.all(Array.from({ length: 50 }, () => poller.validateArrived()));
    expect(seen.leases).toBe(1);
    const first = poller.validateArrived();
    await turn();
    await Promise.all([first, poller.validateArrived(), poller.validateArrived()]);
    expect(seen.leases).toBe(3);
  });

  it('begins none any more once it is to stop', async () => {
    const { poller, seen } = startArrived(100);
    void poller.validateArrived();
    await turn();
    await poller.stop();
    const { size } = seen.validated;
    expect(size).toBeLessThanOrEqual(16);
    await poller.validateArrived();
    await turns(20, () => false);
    expect(seen.validated.size).toBe(size);
    expect(seen.underWay).toBe(0);
  });
});
