import type { Objects } from '../../ledger/ledger.ts';
import type { AbandonedUpload, PartUploads } from '../../ledger/part-uploads.ts';
import { STAGING_PREFIX } from '../../scope/canonical-path.ts';
import { multipartOf } from '../../storage/multipart.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import type { CurrentConfiguration } from '../configuration.ts';
import { auditOf } from './audit-of.ts';

export interface PartPollerDependencies {
  readonly configuration: Pick<CurrentConfiguration, 'get'>;
  readonly objects: Pick<Objects, 'find' | 'advance'>;
  readonly partUploads: Pick<PartUploads, 'abandoned' | 'unknown' | 'end'>;
  readonly stores: (bucketId: string) => ObjectStore;
  readonly now: () => Date;
  readonly onError: (error: unknown) => void;
}

const AT_ONCE = 16;

/**
 * How long an upload lies that the ledger does not wait for: as long as bytes do that it knows nothing of
 * (`sweep-staging.ts`), and for the same reasons.
 */
const ORPHANED_MS = 7 * 86_400_000;

/**
 * Takes back what storage keeps of uploads in parts that nobody waits for: those that came to an end, and those whose
 * authority was revoked, whose URLs are dead from then on. Any number of instances may run it: each step can be
 * taken twice.
 */
export const createPartPoller = (dependencies: PartPollerDependencies) => {
  const { configuration, partUploads, onError } = dependencies;

  /** One that fails is tried again next time, and holds up no other. */
  const each = async <One>(found: readonly One[], step: (one: One) => Promise<void>) => {
    const outcomes = await Promise.allSettled(found.map(step));
    for (const outcome of outcomes) if (outcome.status === 'rejected') onError(outcome.reason);
  };

  return {
    poll: async (): Promise<void> =>
      each(await partUploads.abandoned(AT_ONCE), (one) => takeBack(dependencies, one)),

    /** What a crash, or an instance that stood still, left with the storage and on no record. */
    sweep: async (): Promise<void> => {
      const { buckets } = configuration.get().deployment;
      await each(buckets, ({ id }) => sweepBucket(dependencies, id));
    },
  };
};

const sweepBucket = async (
  { partUploads, stores, now }: PartPollerDependencies,
  bucketId: string,
): Promise<void> => {
  const multipart = multipartOf(stores(bucketId));
  const before = new Date(now().getTime() - ORPHANED_MS);
  const found = (await multipart?.unendedParts(STAGING_PREFIX, before)) ?? [];
  if (found.length === 0) return;
  for (const key of await partUploads.unknown(found)) await multipart?.abortParts(key);
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
