import type { Objects } from '../../ledger/ledger.ts';
import type { AbandonedUpload, PartUploads } from '../../ledger/part-uploads.ts';
import { STAGING_PREFIX } from '../../scope/canonical-path.ts';
import { multipartOf } from '../../storage/multipart.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import type { CurrentConfiguration } from '../configuration.ts';
import { auditOf } from './audit-of.ts';
import { each } from './each.ts';
import { UNKNOWN_MS } from './sweep-staging.ts';

export interface PartPollerDependencies {
  readonly configuration: Pick<CurrentConfiguration, 'get'>;
  readonly objects: Pick<Objects, 'find' | 'advance'>;
  readonly partUploads: Pick<PartUploads, 'abandoned' | 'unknown' | 'end'>;
  readonly stores: (bucketId: string) => ObjectStore;
  readonly now: () => Date;
  readonly onError: (error: unknown) => void;
}

/** Uploads a round. */
const PAGE = 16;

/**
 * Takes back what storage keeps of uploads in parts that nobody waits for: those that came to an end, and those whose
 * authority was revoked, whose URLs are dead from then on. Any number of instances may run it: each step can be
 * taken twice.
 */
export const createPartPoller = (dependencies: PartPollerDependencies) => {
  const { configuration, partUploads, onError } = dependencies;

  return {
    poll: async (): Promise<void> =>
      each(await partUploads.abandoned(PAGE), (one) => takeBack(dependencies, one), onError),

    /** What a crash, or an instance that stood still, left with the storage and on no record. */
    sweep: async (): Promise<void> => {
      const { buckets } = configuration.get().deployment;
      await each(buckets, ({ id }) => sweepBucket(dependencies, id), onError);
    },
  };
};

const sweepBucket = async (
  { partUploads, stores, now, onError }: PartPollerDependencies,
  bucketId: string,
): Promise<void> => {
  const multipart = multipartOf(stores(bucketId));
  if (!multipart) return;
  const before = new Date(now().getTime() - UNKNOWN_MS);
  const found = await multipart.unendedParts(STAGING_PREFIX, before);
  if (found.length === 0) return;
  await each(await partUploads.unknown(found), (key) => multipart.abortParts(key), onError);
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
