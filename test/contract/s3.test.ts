import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
// @ts-expect-error it comes without types
import S3rver from '@20minutes/s3rver';
import { createS3Store } from '../../src/storage/s3/s3-store.ts';
import { objectStoreContract } from './object-store.contract.ts';

/** It verifies signatures, but ignores preconditions and checksums, and spells buckets in a way of its own; test/ceph/ has a server that does not. */
objectStoreContract('S3 at s3rver', async () => {
  const directory = await mkdtemp(join(tmpdir(), 's3rver-'));
  const server = new S3rver({
    address: '127.0.0.1',
    port: 0,
    silent: true,
    directory,
    configureBuckets: [{ name: 'acme-project-123' }],
  });
  const { port } = await server.run();
  return {
    column: 's3rver',
    copiesUnsigned: true,
    store: createS3Store({
      bucket: 'acme-project-123',
      region: 'us-east-1',
      endpoint: `http://127.0.0.1:${port}`,
      credentials: () => ({ accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' }),
    }),
    refusesSecondPut: false,
    checksChecksum: false,
    lists: false,
    stop: async () => {
      server.httpServer.closeAllConnections();
      await server.close();
      await rm(directory, { recursive: true });
    },
  };
});
