import { createAzureStore } from '../../src/storage/azure/azure-store.ts';
import { startAzurite } from '../support/azurite.ts';
import { objectStoreContract, type StoreUnderTest } from './object-store.contract.ts';

/** What Azure cannot pin before it takes the bytes: docs/enforcement.md. */
const limits = {
  column: 'azure',
  refusesSecondPut: true,
  checksChecksum: false,
  pinsSize: false,
  pinsType: false,
  headReads: true,
} as const;

const onAzurite = (identity: 'delegation' | 'account key') => async (): Promise<StoreUnderTest> => {
  const azurite = await startAzurite();
  const { endpoint, account, accountKey, tokenCredential } = azurite;
  await azurite.createContainer('acme-project-123');
  return {
    ...limits,
    store: createAzureStore({
      bucket: 'acme-project-123',
      account,
      endpoint,
      ...(identity === 'delegation'
        ? { credentials: { kind: 'ambient' }, tokenCredential }
        : { credentials: { kind: 'account_key', key: () => accountKey } }),
    }),
    stop: () => azurite.stop(),
  };
};

objectStoreContract('Azure at Azurite, by user delegation,', onAzurite('delegation'));
objectStoreContract('Azure at Azurite, by account key,', onAzurite('account key'));
