import type { ObjectStore } from '../object-store.ts';
import { createObjectControl } from './control.ts';
import { type LocationOptions, locate } from './location.ts';
import { createPresigner, type Presigner } from './presigner.ts';
import type { S3Credentials } from './signature-v4.ts';

export interface S3StoreOptions extends LocationOptions {
  /** Asked before every signature and call: what it returns may change, as temporary credentials do. */
  readonly credentials: () => S3Credentials;
}

/** Signs without a network call. */
export interface S3Store extends ObjectStore, Presigner {
  readonly provider: 's3';
  enforcement: Presigner['enforcement'];
  presignPut: Presigner['presignPut'];
  presignGet: Presigner['presignGet'];
}

/**
 * A bucket on AWS or on an S3-compatible server.
 *
 * @throws OAuthError `invalid_request` when bucket, region or endpoint is off the allow list.
 */
export const createS3Store = (options: S3StoreOptions): S3Store => {
  const parts = { ...options, location: locate(options) };
  return { provider: 's3', ...createPresigner(parts), ...createObjectControl(parts) };
};
