import { createGcsStore } from '../../src/storage/gcs/gcs-store.ts';
import { startGcsStandIn } from '../support/gcs-stand-in.ts';
import { objectStoreContract } from './object-store.contract.ts';

objectStoreContract('Google Cloud Storage, as its stand-in has it,', async () => {
  const server = await startGcsStandIn();
  return {
    column: 'gcs',
    store: createGcsStore({
      bucket: 'acme-project-123',
      endpoint: server.endpoint,
      credentials: { kind: 'service_account', json: () => server.serviceAccount },
    }),
    refusesSecondPut: true,
    checksChecksum: false,
    stop: () => server.stop(),
  };
});
