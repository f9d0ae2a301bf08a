import type { Bucket } from '../config/deployment.ts';
import { unavailable } from '../protocol/oauth-error.ts';
import type { SigningAlgorithm } from '../protocol/signing-algorithm.ts';
import { createAzureStore } from '../storage/azure/azure-store.ts';
import type { AzureCredentials } from '../storage/azure/client.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { Secret } from './aws-credentials.ts';
import { notSet } from './missing-variable.ts';

export type AzureBucket = Extract<Bucket, { provider: 'azure' }>;

export interface AzureStoreParts {
  readonly secret: Secret;
  readonly vouch: (bucket: Bucket, audience: string, alg?: SigningAlgorithm) => Promise<string>;
}

/** What Microsoft Entra calls itself in a federated credential. It reads RS256 alone. */
const ENTRA_AUDIENCE = 'api://AzureADTokenExchange';

export const azureStoreOf = (bucket: AzureBucket, parts: AzureStoreParts): ObjectStore => {
  const { endpoint, credentials, pin_headers: pinHeaders } = bucket;
  // As Azure's own tools read it.
  const account = credentials.account ?? parts.secret('AZURE_STORAGE_ACCOUNT');
  if (account === undefined)
    throw unavailable(
      `bucket ${bucket.id} names no storage account, and AZURE_STORAGE_ACCOUNT is not set`,
    );
  return createAzureStore({
    account,
    bucket: bucket.bucket,
    ...(endpoint === undefined ? {} : { endpoint }),
    credentials: credentialsOf(bucket, parts),
    pinHeaders,
    lends: bucket.temporary_credentials !== undefined,
  });
};

/** A named identity is never replaced by what happens to be around. */
const credentialsOf = (
  bucket: AzureBucket,
  { secret, vouch }: AzureStoreParts,
): AzureCredentials => {
  const { account_key_env: keyName, web_identity: identity } = bucket.credentials;
  if (identity !== undefined) {
    const { tenant_id: tenantId, client_id: clientId } = identity;
    const assertion = () => vouch(bucket, ENTRA_AUDIENCE, 'RS256');
    return { kind: 'web_identity', tenantId, clientId, assertion };
  }
  if (keyName === undefined) return { kind: 'ambient' };
  return {
    kind: 'account_key',
    // Read again for each use, so that a rotated key in a file is picked up.
    key: () => {
      const key = secret(keyName);
      if (key === undefined) throw notSet(keyName, bucket.id);
      return key;
    },
  };
};
