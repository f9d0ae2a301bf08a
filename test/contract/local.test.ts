import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLocalGateway } from '../../src/storage/local/gateway.ts';
import { createLocalStore, type LocalStore } from '../../src/storage/local/local-store.ts';
import { objectStoreContract } from './object-store.contract.ts';

objectStoreContract('the local store', async () => {
  const root = await mkdtemp(join(tmpdir(), 'local-store-'));
  let store: LocalStore | undefined;
  const gateway = createLocalGateway({
    stores: (id) => (id === 'project-123' ? store : undefined),
  });
  const server = createServer((request, response) => {
    void gateway(request, response, new Date());
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  store = createLocalStore({
    root,
    bucket: 'project-123',
    baseUrl: `http://127.0.0.1:${port}/local`,
    secret: randomBytes(32),
  });
  return {
    column: 'local',
    store,
    refusesSecondPut: true,
    checksChecksum: true,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
      await rm(root, { recursive: true });
    },
  };
});
