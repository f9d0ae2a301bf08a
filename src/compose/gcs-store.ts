import type { Bucket } from '../config/deployment.ts';
import type { GcsCredentials } from '../storage/gcs/client.ts';
import { createGcsStore, type GcsStore } from '../storage/gcs/gcs-store.ts';
import type { Secret } from './aws-credentials.ts';
import { notSet } from './missing-variable.ts';

export type GcsBucket = Extract<Bucket, { provider: 'gcs' }>;

export interface GcsStoreParts {
  readonly secret: Secret;
  readonly vouch: (bucket: Bucket, audience: string) => Promise<string>;
}

export const gcsStoreOf = (bucket: GcsBucket, parts: GcsStoreParts): GcsStore =>
  createGcsStore({
    bucket: bucket.bucket,
    ...(bucket.endpoint === undefined ? {} : { endpoint: bucket.endpoint }),
    credentials: credentialsOf(bucket, parts),
    ...(bucket.temporary_credentials === undefined
      ? {}
      : { lends: bucket.temporary_credentials.service_account }),
  });

/** A named identity is never replaced by what happens to be around. */
const credentialsOf = (bucket: GcsBucket, { secret, vouch }: GcsStoreParts): GcsCredentials => {
  const { credentials } = bucket;
  const { service_account_env: keyName, web_identity: identity } = credentials;
  if (identity !== undefined) {
    const { audience, service_account: serviceAccount } = identity;
    // The pool's provider is told apart by its own name, which is also what our JWT is for.
    const assertion = () => vouch(bucket, `https:${audience}`);
    return { kind: 'web_identity', audience, serviceAccount, assertion };
  }
  if (keyName !== undefined) {
    // Read again for each use, so that a rotated key in a file is picked up.
    const json = () => {
      const key = secret(keyName);
      if (key === undefined) throw notSet(keyName, bucket.id);
      return key;
    };
    return { kind: 'service_account', json };
  }
  const { sign_as: serviceAccount } = credentials;
  return { kind: 'ambient', ...(serviceAccount === undefined ? {} : { serviceAccount }) };
};
