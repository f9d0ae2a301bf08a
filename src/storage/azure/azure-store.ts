import { Buffer } from 'node:buffer';
import { createSecretKey } from 'node:crypto';
import { OAuthError } from '../../protocol/oauth-error.ts';
import type { SelfDescribing } from '../bucket-settings.ts';
import type { Lender } from '../cloud-credentials.ts';
import type { ObjectStore } from '../object-store.ts';
import {
  type AzureCredentials,
  createService,
  fetchDelegationKey,
  type ServiceOptions,
} from './client.ts';
import { createObjectControl } from './control.ts';
import { createDelegationKeys } from './delegation-key.ts';
import { createLender } from './lending.ts';
import { type LocationOptions, locate } from './location.ts';
import { createPresigner, LARGEST_AZURE_PUT, type PresignerOptions } from './presigner.ts';
import type { SasKey } from './sas.ts';
import { createSettingsReader } from './settings.ts';

export interface AzureStoreOptions
  extends LocationOptions,
    Pick<ServiceOptions, 'credentials' | 'tokenCredential'> {
  /** Whether the SAS pins request headers (signed request headers, a preview of Azure). Off unless said. */
  readonly pinHeaders?: boolean;
  /** Whether SAS of directories are lent. */
  readonly lends?: boolean;
}

/**
 * A container on Azure Blob Storage. It signs with a user delegation key, which can be revoked; with the
 * account's own key where that was chosen.
 *
 * @throws OAuthError `invalid_request` when account, container or endpoint is off the allow list, and where
 *   headers are to be pinned by a key that cannot do it.
 */
export const createAzureStore = (
  options: AzureStoreOptions,
): ObjectStore & SelfDescribing & Partial<Lender> => {
  const { bucket, account, credentials, pinHeaders = false } = options;
  if (pinHeaders && credentials.kind === 'account_key') throw onlyDelegated();
  const location = locate(options);
  const service = createService({ ...options, account, serviceUrl: location.serviceUrl });
  const keyUntil: PresignerOptions['keyUntil'] =
    credentials.kind === 'account_key'
      ? accountKey(credentials)
      : createDelegationKeys(fetchDelegationKey(service)).forUseUntil;
  return {
    provider: 'azure',
    largestPut: LARGEST_AZURE_PUT,
    ...createPresigner({ location, keyUntil, pinHeaders }),
    ...createObjectControl({ bucket, service }),
    ...createSettingsReader({ bucket, service }),
    ...(options.lends === true ? createLender({ location, keyUntil }) : {}),
  };
};

/** Read again for each use, so that a rotated key is picked up; decoded when it is another. */
const accountKey = ({ key }: Extract<AzureCredentials, { kind: 'account_key' }>) => {
  let known: { readonly text: string; readonly sasKey: SasKey } | undefined;
  return (): SasKey => {
    const text = key();
    if (known?.text !== text)
      known = { text, sasKey: { secret: createSecretKey(Buffer.from(text, 'base64')) } };
    return known.sasKey;
  };
};

const onlyDelegated = (): OAuthError =>
  new OAuthError('invalid_request', 'an account key cannot pin headers', {
    violations: [
      {
        field: 'pin_headers',
        rule: 'user_delegation',
        message: 'only a user delegation key signs request headers',
        remedy: 'leave account_key_env out, or pin_headers',
      },
    ],
  });
