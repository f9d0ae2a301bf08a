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
