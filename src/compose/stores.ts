import { join } from 'node:path';
import type { CurrentConfiguration } from '../broker/configuration.ts';
import type { Bucket, Keys } from '../config/deployment.ts';
import { unavailable } from '../protocol/oauth-error.ts';
import { createLocalStore, type LocalStore } from '../storage/local/local-store.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { createS3Store } from '../storage/s3/s3-store.ts';

export interface StoresOptions {
  readonly configuration: CurrentConfiguration;
  readonly home: string;
  readonly localSecret: Buffer;
  readonly contentOrigin: () => string;
  readonly secret: (name: string) => string | undefined;
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
    case 's3': {
      const { bucket: name, region, endpoint, credentials } = bucket;
      return createS3Store({
        bucket: name,
        region,
        ...(endpoint === undefined ? {} : { endpoint }),
        credentials: () => s3Credentials(credentials, options.secret),
      });
    }
    case 'azure':
    case 'gcs':
      throw unavailable(`provider ${bucket.provider} is not supported by this release`);
  }
};

/** Read again for each use, so that a rotated secret in a file is picked up. */
const s3Credentials = (
  names: Extract<Bucket, { provider: 's3' }>['credentials'],
  secret: StoresOptions['secret'],
) => {
  // Leans closed: whoever named an identity did not mean the keys that happen to be around.
  if (names.web_identity !== undefined)
    throw unavailable('credentials.web_identity is not supported by this release');
  return awsCredentials(names, secret);
};

type AwsKeyNames = NonNullable<Keys['signer']>['credentials'];

/** Those that are named, else those that AWS's own tools read. */
export const awsCredentials = (names: AwsKeyNames, secret: StoresOptions['secret']) => {
  const read = (name: string): string => {
    const value = secret(name);
    if (value === undefined) throw unavailable(`the credential ${name} is not set`);
    return value;
  };
  const sessionToken = secret(names.session_token_env ?? 'AWS_SESSION_TOKEN');
  return {
    accessKeyId: read(names.access_key_id_env ?? 'AWS_ACCESS_KEY_ID'),
    secretAccessKey: read(names.secret_access_key_env ?? 'AWS_SECRET_ACCESS_KEY'),
    ...(sessionToken === undefined ? {} : { sessionToken }),
  };
};
