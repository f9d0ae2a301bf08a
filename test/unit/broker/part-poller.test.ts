import { describe, expect, it } from '@jest/globals';
import { createPartPoller } from '../../../src/broker/upload/part-poller.ts';

/** What is left with the storage of uploads in parts, of two buckets. */

const LEFT: Readonly<Record<string, readonly string[]>> = {
  near: ['near/1', 'near/stuck', 'near/3'],
  far: ['far/1'],
};

const sweepWith = async (failing: string) => {
  const aborted: string[] = [];
  const errors: unknown[] = [];
  const storeOf = (bucketId: string) => ({
    beginParts: async () => 'u',
    presignPart: () => ({ url: '', headers: {} }),
    listParts: async () => [],
    completeParts: async () => {},
    unendedParts: async () => LEFT[bucketId],
    abortParts: async (key: string) => {
      if (key === failing) throw new Error('not this one');
      aborted.push(key);
    },
  });
  const poller = createPartPoller({
    configuration: { get: () => ({ deployment: { buckets: [{ id: 'near' }, { id: 'far' }] } }) },
    partUploads: { unknown: async (keys: readonly string[]) => keys },
    stores: storeOf,
    now: () => new Date(),
    onError: (error: unknown) => errors.push(error),
  } as never);
  await poller.sweep();
  return { aborted: aborted.toSorted(), errors };
};

describe('an upload in parts that cannot be taken back', () => {
  it('holds up no other: neither of its bucket nor of another', async () => {
    expect(await sweepWith('near/stuck')).toEqual({
      aborted: ['far/1', 'near/1', 'near/3'],
      errors: [new Error('not this one')],
    });
  });
});
