import type { Objects } from '../../ledger/ledger.ts';
import { STAGING_PREFIX } from '../../scope/canonical-path.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { each } from './each.ts';

export interface SweepStagingDependencies {
  readonly objects: Pick<Objects, 'strays'>;
  readonly stores: (bucketId: string) => ObjectStore;
  /** The ids of those in force. */
  readonly buckets: () => readonly string[];
  readonly now: () => Date;
  readonly onError: (error: unknown) => void;
}

/** What has just been written may be on its way to be taken up: an hour. */
const FRESH_MS = 3_600_000;
/**
 * How long bytes lie, or parts of an upload, that the ledger knows nothing of: seven days. Its rows come before its URLs, so they are left
 * by a restored database, or are those of another deployment that was given the same bucket by mistake.
 */
export const UNKNOWN_MS = 7 * 86_400_000;

/**
 * Looks through staging for bytes that no upload will ever come back for: those of a PUT that ended after its upload
 * had been settled and cleared, and those of nobody. Whatever may still be inspected is known to the ledger as such, and
 * stays. One page of each bucket a round, round and round; any number of instances may run it.
 */
export const createSweepStaging = ({
  objects,
  stores,
  buckets,
  now,
  onError,
}: SweepStagingDependencies) => {
  const reached = new Map<string, string>();

  /** Where the page cannot be had, the next round begins at the first. */
  const nextPage = async (bucketId: string) => {
    const cursor = reached.get(bucketId);
    reached.delete(bucketId);
    const page = await stores(bucketId).list(STAGING_PREFIX, cursor);
    if (page.cursor !== undefined) reached.set(bucketId, page.cursor);
    return page.items;
  };

  const sweep = async (bucketId: string): Promise<void> => {
    const ages = new Map<string, number>();
    for (const { key, storedAt } of await nextPage(bucketId)) {
      const age = now().getTime() - storedAt.getTime();
      if (age >= FRESH_MS) ages.set(key, age);
    }
    if (ages.size === 0) return;
    const strays = await objects.strays([...ages.keys()]);
    const doomed = strays
      .filter(({ stagingKey, isLate }) => isLate || (ages.get(stagingKey) ?? 0) >= UNKNOWN_MS)
      .map(({ stagingKey }) => stagingKey);
    await each(doomed, (key) => stores(bucketId).delete(key), onError);
  };

  return (): Promise<void> => each(buckets(), sweep, onError);
};
