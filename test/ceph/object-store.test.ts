import { objectStoreContract } from '../contract/object-store.contract.ts';
import { bucketOnCeph } from './gateway.ts';

objectStoreContract('S3 at Ceph', async () => ({
  column: 'ceph',
  store: await bucketOnCeph(),
  refusesSecondPut: true,
  checksChecksum: false, // Ceph 16 predates x-amz-checksum-*
  stop: async () => undefined,
}));
