import type { Bucket } from '../../config/deployment.ts';
import type { ObjectRecord } from '../../ledger/records.ts';
import type { ObjectStore } from '../../storage/object-store.ts';

/** What a presigned URL is of, besides its key. */
export interface Pin {
  /** As `StoredObject.immutable`. */
  readonly immutable?: string;
}

/**
 * Why no URL is held to what was inspected: something else lies there by now, or the storage has no name for those bytes
 * that outlives them.
 */
export type Unpinned = 'replaced' | 'unversioned';

/**
 * A presigned URL reads whatever lies under the key when it is used. Where holders of lent credentials may write there
 * (`direct_write`), it is signed for the inspected bytes alone, or not at all: a ticket that streams compares them itself.
 */
export const pinReleased = async (
  store: ObjectStore,
  bucket: Bucket,
  { key, revision }: Pick<ObjectRecord, 'key' | 'revision'>,
): Promise<Pin | Unpinned> => {
  if (!isWrittenDirectly(bucket)) return {};
  const found = await store.head(key);
  if (!found || found.version !== revision) return 'replaced';
  return found.immutable === undefined ? 'unversioned' : { immutable: found.immutable };
};

const isWrittenDirectly = (bucket: Bucket): boolean =>
  bucket.provider !== 'local' && bucket.temporary_credentials?.direct_write === true;
