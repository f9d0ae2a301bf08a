import { join } from 'node:path';
import type { CurrentConfiguration } from '../broker/configuration.ts';
import type { Bucket } from '../config/deployment.ts';
import { unavailable } from '../protocol/oauth-error.ts';
import { createLocalStore, type LocalStore } from '../storage/local/local-store.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { azureStoreOf } from './azure-store.ts';
import { gcsStoreOf } from './gcs-store.ts';
import { type S3StoreParts, s3StoreOf } from './s3-store.ts';

export interface StoresOptions extends S3StoreParts {
  readonly configuration: CurrentConfiguration;
  readonly home: string;
  readonly localSecret: Buffer;
  readonly contentOrigin: () => string;
}

export interface Stores {
  readonly of: (bucketId: string) => ObjectStore;
  readonly local: (bucketId: string) => LocalStore | undefined;
}

/** One store for each bucket, made when first needed and made again when its definition changes. */
export const createStores = (options: StoresOptions): Stores => {
  const made = new Map<string, { readonly bucket: Bucket; readonly store: ObjectStore }>();

  const of = (bucketId: string): ObjectStore => {
    const bucket = options.configuration.get().index.bucket(bucketId);
    if (!bucket) throw unavailable(`bucket ${bucketId} is not configured any more`);
    const known = made.get(bucketId);
    if (known?.bucket === bucket) return known.store;
    const store = createStore(bucket, options);
    made.set(bucketId, { bucket, store });
    return store;
  };

  return {
    of,
    local: (bucketId) => {
      const bucket = options.configuration.get().index.bucket(bucketId);
      return bucket?.provider === 'local' ? (of(bucketId) as LocalStore) : undefined;
    },
  };
};

const createStore = (bucket: Bucket, options: StoresOptions): ObjectStore => {
  switch (bucket.provider) {
    case 'local':
      return createLocalStore({
        root: join(options.home, 'objects', bucket.id),
        bucket: bucket.id,
        baseUrl: `${options.contentOrigin()}/local`,
        secret: options.localSecret,
      });
    case 's3':
      return s3StoreOf(bucket, options);
    case 'azure':
      return azureStoreOf(bucket, options);
    case 'gcs':
      return gcsStoreOf(bucket, options);
  }
};
