import type { Bucket } from '../../config/deployment.ts';
import type { Objects } from '../../ledger/ledger.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import { STAGING_PREFIX } from '../../scope/canonical-path.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { auditOf } from '../upload/audit-of.ts';
import type { Announcement } from './announcement.ts';

export interface HeedDependencies {
  readonly objects: Objects;
  readonly stores: (bucketId: string) => ObjectStore;
  /** Wakes the validator; the poller would find the object anyway. */
  readonly wake: () => void;
  readonly now: () => Date;
}

/** Of one delivery; what is beyond is found by the poller. */
const MOST = 100;

/**
 * Looks where proven senders say that something has arrived, with our own credentials, and has it validated.
 *
 * @param buckets those the sender was proven for.
 * @throws {OAuthError} `access_denied` where one announcement is of another bucket: then nothing is looked at.
 */
export const createHeed = (dependencies: HeedDependencies) => {
  const { objects, stores, now, wake } = dependencies;

  const lookAt = async (bucket: Bucket, key: string, sender: string): Promise<void> => {
    const object = await objects.find(objectIdIn(key));
    const isAwaited = object?.bucketId === bucket.id && object.stagingKey === key;
    // Announced twice, late or for something else of the bucket's: nothing to do.
    if (!isAwaited || object.status !== 'pending') return;
    if (!(await stores(bucket.id).head(key))) return;
    const at = now();
    const audit = auditOf(object, at, 'upload.uploaded', { announced_by: sender });
    const step = { objectId: object.objectId, from: ['pending'], to: 'uploaded' } as const;
    await objects.advance({ ...step, at, audit });
  };

  return async (
    announced: readonly Announcement[],
    buckets: readonly Bucket[],
    sender: string,
  ): Promise<void> => {
    const places = announced.flatMap((one) => {
      const named = buckets.filter((bucket) => isOf(one, bucket));
      if (named.length === 0) throw otherBucket();
      return named.map((bucket) => ({ bucket, key: one.key }));
    });
    await Promise.all(places.slice(0, MOST).map(({ bucket, key }) => lookAt(bucket, key, sender)));
    if (places.length > 0) wake();
  };
};

const isOf = ({ bucket: name, account }: Announcement, bucket: Bucket): boolean => {
  if (bucket.bucket !== name) return false;
  // An account that comes from the surroundings is not in the configuration: the container's name decides.
  const own = bucket.provider === 'azure' ? bucket.credentials.account : undefined;
  return own === undefined || own === account;
};

/** `.daypass-staging/<object id>/<random>`; empty for whatever else lies there. */
const objectIdIn = (key: string): string =>
  key.startsWith(STAGING_PREFIX) ? (key.slice(STAGING_PREFIX.length).split('/', 1)[0] ?? '') : '';

const otherBucket = (): OAuthError =>
  new OAuthError('access_denied', 'the event is of a bucket that its sender does not speak for', {
    violations: [
      {
        field: 'bucket',
        rule: 'other_bucket',
        message: 'no bucket of that name takes events from this sender',
        remedy: 'name the sender under `events` of the bucket, or stop sending its events here',
      },
    ],
  });
