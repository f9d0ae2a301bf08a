import type { Objects } from '../../ledger/ledger.ts';
import type { AbandonedUpload, PartUploads } from '../../ledger/part-uploads.ts';
import { multipartOf } from '../../storage/multipart.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { auditOf } from './audit-of.ts';

export interface PartPollerDependencies {
  readonly objects: Pick<Objects, 'find' | 'advance'>;
  readonly partUploads: Pick<PartUploads, 'abandoned' | 'end'>;
  readonly stores: (bucketId: string) => ObjectStore;
  readonly now: () => Date;
  readonly onError: (error: unknown) => void;
}

const AT_ONCE = 16;

/**
 * Takes back what storage keeps of uploads in parts that nobody waits for: those that came to an end, and those whose
 * authority was revoked, whose URLs are dead from then on. Any number of instances may run it: each step can be
 * taken twice.
 */
export const createPartPoller = (dependencies: PartPollerDependencies) => {
  const { partUploads, onError } = dependencies;
  return {
    poll: async (): Promise<void> => {
      const found = await partUploads.abandoned(AT_ONCE);
      const outcomes = await Promise.allSettled(found.map((one) => takeBack(dependencies, one)));
      for (const outcome of outcomes) if (outcome.status === 'rejected') onError(outcome.reason);
    },
  };
};

const takeBack = async (
  { objects, partUploads, stores, now }: PartPollerDependencies,
  { objectId, bucketId, stagingKey, isPending }: AbandonedUpload,
): Promise<void> => {
  await multipartOf(stores(bucketId))?.abortParts(stagingKey);
  const object = isPending ? await objects.find(objectId) : undefined;
  if (object) {
    await objects.advance({
      objectId,
      from: ['pending'],
      to: 'expired',
      at: now(),
      reason: 'revoked',
      audit: { ...auditOf(object, now(), 'upload.expired'), reason: 'revoked' },
    });
  }
  await partUploads.end(objectId, now());
};
