import type { TokenCredential } from '@azure/identity';
import type { BlobServiceClient } from '@azure/storage-blob';
import { OAuthError, unavailable } from '../../protocol/oauth-error.ts';
import type { IssuedDelegationKey } from './delegation-key.ts';

/** Who the broker is to Azure. */
export type AzureCredentials =
  /** What surrounds the process: environment, workload identity, managed identity. */
  | { readonly kind: 'ambient' }
  /** An app registration that trusts whoever signs the assertion; without one, the cluster's token file is used. */
  | {
      readonly kind: 'web_identity';
      readonly tenantId: string;
      readonly clientId: string;
      readonly assertion?: () => Promise<string>;
    }
  /** Base64. The account's own key signs for ever and for everything: only by explicit choice. */
  | { readonly kind: 'account_key'; readonly key: () => string };

export interface ServiceOptions {
  readonly serviceUrl: string;
  readonly account: string;
  readonly credentials: AzureCredentials;
  /** In place of `credentials`, for tests. */
  readonly tokenCredential?: TokenCredential;
}

/** The SDK and a client of the account. */
export interface Service {
  readonly sdk: typeof import('@azure/storage-blob');
  readonly client: BlobServiceClient;
}

/** One retry for a lost connection; then the caller is told, and may try again itself. */
const RETRIES = {
  maxTries: 2,
  tryTimeoutInMs: 30_000,
  retryDelayInMs: 200,
  maxRetryDelayInMs: 1_000,
};

const tokenCredential = async (
  credentials: Exclude<AzureCredentials, { kind: 'account_key' }>,
): Promise<TokenCredential> => {
  const identity = await import('@azure/identity');
  if (credentials.kind === 'ambient') return new identity.DefaultAzureCredential();
  const { tenantId, clientId, assertion } = credentials;
  return assertion === undefined
    ? new identity.WorkloadIdentityCredential({ tenantId, clientId })
    : new identity.ClientAssertionCredential(tenantId, clientId, assertion);
};

/** Loads the SDK with the first call: nothing on the minting path needs it. */
export const createService = (options: ServiceOptions): (() => Promise<Service>) => {
  const { serviceUrl, account, credentials } = options;
  let loaded: Promise<Service> | undefined;
  let signedIn: string | undefined;

  const load = async (): Promise<Service> => {
    const sdk = await import('@azure/storage-blob');
    const credential =
      credentials.kind === 'account_key'
        ? new sdk.StorageSharedKeyCredential(account, credentials.key())
        : (options.tokenCredential ?? (await tokenCredential(credentials)));
    const client = new sdk.BlobServiceClient(serviceUrl, credential, { retryOptions: RETRIES });
    return { sdk, client };
  };

  return () => {
    // A key that was rotated in its file is another client.
    const key = credentials.kind === 'account_key' ? credentials.key() : undefined;
    if (key !== signedIn) loaded = undefined;
    signedIn = key;
    loaded ??= load().catch((error: unknown) => {
      loaded = undefined;
      throw unavailable('the Azure client could not be made', error);
    });
    return loaded;
  };
};

/** For `createDelegationKeys`. */
export const fetchDelegationKey =
  (service: () => Promise<Service>) =>
  async (startsOn: Date, expiresOn: Date): Promise<IssuedDelegationKey> => {
    try {
      const { client } = await service();
      return await client.getUserDelegationKey(startsOn, expiresOn);
    } catch (error) {
      if (error instanceof OAuthError) throw error;
      throw unavailable(`storage delegation key failed: ${errorCode(error)}`, error);
    }
  };

/** The service's own name for what went wrong: enough for the log; messages may quote the request. */
export const errorCode = (error: unknown): string => {
  const { code, name, details } = error as {
    readonly code?: string;
    readonly name?: string;
    readonly details?: { readonly errorCode?: string };
  };
  return details?.errorCode ?? code ?? name ?? 'unknown';
};
