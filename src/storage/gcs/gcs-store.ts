import type { SelfDescribing } from '../bucket-settings.ts';
import type { Lender } from '../cloud-credentials.ts';
import { LARGEST_PUT } from '../grant.ts';
import type { Multipart } from '../multipart.ts';
import type { ObjectStore } from '../object-store.ts';
import { createIdentity, type GcsCredentials } from './client.ts';
import { createObjectControl } from './control.ts';
import { createLender } from './lending.ts';
import { type LocationOptions, locate } from './location.ts';
import { createPartControl } from './part-control.ts';
import { createPresigner, type Presigner } from './presigner.ts';
import { createSettingsReader } from './settings.ts';

export interface GcsStoreOptions extends LocationOptions {
  readonly credentials: GcsCredentials;
  /** The service account whose tokens are lent, narrowed. Absent: none are. */
  readonly lends?: string;
}

/** Signs off the main thread or by asking Google, so it always answers later. */
export interface GcsStore
  extends ObjectStore,
    Multipart,
    Presigner,
    SelfDescribing,
    Partial<Lender> {
  readonly provider: 'gcs';
  enforcement: Presigner['enforcement'];
  presignPut: Presigner['presignPut'];
  presignGet: Presigner['presignGet'];
  presignPart: Presigner['presignPart'];
}

/**
 * A bucket on Google Cloud Storage.
 *
 * @throws OAuthError `invalid_request` when bucket or endpoint is off the allow list.
 */
export const createGcsStore = (options: GcsStoreOptions): GcsStore => {
  const { bucket, credentials, lends } = options;
  const location = locate(options);
  const identity = createIdentity(credentials);
  return {
    provider: 'gcs',
    largestPut: LARGEST_PUT,
    ...createPresigner({ location, bucket, signer: () => identity().signer }),
    ...createObjectControl({ location, bucket, call: () => identity().call }),
    ...createPartControl({ location, bucket, call: () => identity().call }),
    ...createSettingsReader({ location, bucket, call: () => identity().call }),
    ...(lends === undefined
      ? {}
      : createLender({ bucket, serviceAccount: lends, call: () => identity().call })),
  };
};
