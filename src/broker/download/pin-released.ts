import type { Bucket } from '../../config/deployment.ts';
import type { ObjectRecord } from '../../ledger/records.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { noSuchObject } from '../own-object.ts';

/** What a presigned URL is of, besides its key. */
export interface Pin {
  /** As `StoredObject.immutable`. */
  readonly immutable?: string;
}

/**
 * A presigned URL reads whatever lies under the key when it is used. Where holders of lent credentials may write there
 * (`direct_write`), it is signed for the inspected bytes alone, or not at all: a ticket that streams compares them itself.
 *
 * @throws {OAuthError} `not_found` where something else lies there by now; `invalid_request` where the storage has no
 *   name for the bytes that outlives them.
 */
export const pinReleased = async (
  store: ObjectStore,
  bucket: Bucket,
  { key, revision }: Pick<ObjectRecord, 'key' | 'revision'>,
  field: 'once' | 'delivery',
): Promise<Pin> => {
  if (!isWrittenDirectly(bucket)) return {};
  const found = await store.head(key);
  if (!found || found.version !== revision) throw noSuchObject();
  if (found.immutable === undefined) throw unpinned(field);
  return { immutable: found.immutable };
};

const isWrittenDirectly = (bucket: Bucket): boolean =>
  bucket.provider !== 'local' && bucket.temporary_credentials?.direct_write === true;

const unpinned = (field: string): OAuthError =>
  new OAuthError('invalid_request', 'the storage cannot hold a URL to what was inspected', {
    violations: [
      {
        field,
        rule: 'unversioned_direct_write',
        message:
          'others may write to this bucket directly, and it keeps no versions: a presigned URL could come to read what nobody inspected',
        remedy: 'leave once and delivery out, or have the bucket keep versions',
      },
    ],
  });
