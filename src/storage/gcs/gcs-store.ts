import type { ObjectStore } from '../object-store.ts';
import { createIdentity, type GcsCredentials } from './client.ts';
import { createObjectControl } from './control.ts';
import { type LocationOptions, locate } from './location.ts';
import { createPresigner, type Presigner } from './presigner.ts';

export interface GcsStoreOptions extends LocationOptions {
  readonly credentials: GcsCredentials;
}

/** Signs off the main thread or by asking Google, so it always answers later. */
export interface GcsStore extends ObjectStore, Presigner {
  readonly provider: 'gcs';
  enforcement: Presigner['enforcement'];
  presignPut: Presigner['presignPut'];
  presignGet: Presigner['presignGet'];
}

/**
 * A bucket on Google Cloud Storage.
 *
 * @throws OAuthError `invalid_request` when bucket or endpoint is off the allow list.
 */
export const createGcsStore = (options: GcsStoreOptions): GcsStore => {
  const { bucket, credentials } = options;
  const location = locate(options);
  const identity = createIdentity(credentials);
  return {
    provider: 'gcs',
    ...createPresigner({ location, bucket, signer: () => identity().signer }),
    ...createObjectControl({ location, bucket, call: () => identity().call }),
  };
};
