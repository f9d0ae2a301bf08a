import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createLocalStore } from '../src/storage/local/local-store.ts';
import type { ObjectStore } from '../src/storage/object-store.ts';
import { createS3Store } from '../src/storage/s3/s3-store.ts';
import { type Child, freePort, startChild } from './child.ts';
import type { S3Place } from './deployment.ts';

/** Where bytes can be put without a broker, and what presigns for it. */
export interface BareStore extends Child {
  readonly store: ObjectStore;
}

const BUCKET = 'bare';

/** The local store's own gateway, in a process of its own. */
export const startLocalStore = async (dir: string): Promise<BareStore> => {
  const port = await freePort();
  const secret = randomBytes(32);
  const child = await startChild({
    script: join(import.meta.dirname, 'stores', 'local.ts'),
    env: { PORT: String(port), ROOT: dir, BUCKET, SECRET: secret.toString('hex') },
    readyUrl: `http://127.0.0.1:${port}/ready`,
  });
  const baseUrl = `http://127.0.0.1:${port}/local`;
  return { ...child, store: createLocalStore({ root: dir, bucket: BUCKET, baseUrl, secret }) };
};

export interface S3Server extends BareStore {
  readonly place: S3Place;
}

export const startS3Server = async (dir: string): Promise<S3Server> => {
  mkdirSync(dir);
  const port = await freePort();
  const endpoint = `http://127.0.0.1:${port}`;
  const child = await startChild({
    script: join(import.meta.dirname, 'stores', 's3rver.ts'),
    env: { PORT: String(port), ROOT: dir, BUCKET },
    readyUrl: `${endpoint}/`,
  });
  const credentials = { accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' };
  const place = { endpoint, bucket: BUCKET, ...credentials };
  const store = createS3Store({
    bucket: BUCKET,
    region: 'us-east-1',
    endpoint,
    credentials: () => credentials,
  });
  return { ...child, place, store };
};
