import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
// @ts-expect-error it comes without types
import S3rver from '@20minutes/s3rver';
import { afterAll, beforeAll, describe } from '@jest/globals';
import { startTestDaypass, type TestDaypass } from '../support/daypass.ts';
import { itDoesTheMainJob, onS3 } from '../support/s3-story.ts';

const BUCKET = 'acme-project-123';
let broker: TestDaypass;
let stopServer: () => Promise<void>;

beforeAll(async () => {
  const directory = await mkdtemp(join(tmpdir(), 's3rver-'));
  const configureBuckets = [{ name: BUCKET }];
  const server = new S3rver({
    address: '127.0.0.1',
    port: 0,
    silent: true,
    directory,
    configureBuckets,
  });
  const { port } = await server.run();
  stopServer = async () => {
    server.httpServer.closeAllConnections();
    await server.close();
    await rm(directory, { recursive: true });
  };
  const endpoint = `http://127.0.0.1:${port}`;
  broker = await startTestDaypass({
    configure: onS3({ endpoint, bucket: BUCKET, region: 'us-east-1' }),
    env: { A: 'S3RVER', B: 'S3RVER' },
  });
}, 60_000);
afterAll(async () => {
  await broker?.stop();
  await stopServer?.();
});

/** It lets anonymous requests in and ignores preconditions; test/ceph/ has a server that does neither. */
describe('the main job on an S3 server', () => {
  itDoesTheMainJob(() => broker);
});
