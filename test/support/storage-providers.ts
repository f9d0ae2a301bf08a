import { randomBytes, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
// @ts-expect-error it comes without types
import S3rver from '@20minutes/s3rver';
// @ts-expect-error it comes without types
import AWSAccount from '@20minutes/s3rver/lib/models/account.js';
import type { DeploymentDocument } from '../../src/config/deployment.ts';
import { startAzurite } from './azurite.ts';
import { startTestDaypass, type TestDaypass } from './daypass.ts';
import { startGcsStandIn } from './gcs-stand-in.ts';

/** The bucket `project-123` on each provider, with what an attack has to know of the place. */

type Bucket = NonNullable<DeploymentDocument['buckets']>[number];

export interface StorageUnderTest {
  readonly bucket: Bucket;
  readonly env: Readonly<Record<string, string>>;
  /** What stands before the key in the path of every URL. */
  readonly root: string;
  /** Statuses by which it takes an upload. */
  readonly stored: readonly number[];
  /** Members of the bucket's definition that would send requests elsewhere. */
  readonly astray: readonly object[];
  /** What the receipt of a revocation advises, in a word. */
  readonly advice: RegExp;
  /** What that advice is, done. Nothing can be stored any more. */
  cut(broker: TestDaypass): Promise<AfterCut>;
  stop(): Promise<void>;
}

/** Tries URLs that are out. */
export interface AfterCut {
  fetch(url: string, init?: RequestInit): Promise<Response>;
  end(): Promise<void>;
}

export const AFTER_CUT: AfterCut = { fetch, end: async () => undefined };

export interface StorageProvider {
  readonly name: 'local' | 's3' | 'azure' | 'gcs' | 'ceph';
  start(): Promise<StorageUnderTest>;
}

export const BUCKET = 'acme-project-123';
const common = { id: 'project-123', tenant: 'acme', residency: 'eu' } as const;

/** Its own URLs hang on KEY_ENCRYPTION_KEY: an instance that has another stands for all of them. */
const local: StorageProvider = {
  name: 'local',
  start: async () => ({
    bucket: { ...common, provider: 'local' },
    env: {},
    root: '/local/project-123/',
    stored: [200],
    astray: [{ id: '../project-123' }, { id: 'a/b' }, { bucket: '../x' }, { region: 'a/b' }],
    advice: /KEY_ENCRYPTION_KEY/,
    cut: async (broker) => {
      const before = readFileSync(join(broker.home, 'key-encryption-key'), 'utf8');
      const restarted = await startTestDaypass({
        beside: broker,
        env: {
          KEY_ENCRYPTION_KEY: randomBytes(32).toString('base64'),
          KEY_ENCRYPTION_KEY_PREVIOUS: before,
        },
      });
      const { contentOrigin } = restarted;
      return {
        fetch: (url, init) => fetch(url.replace(new URL(url).origin, contentOrigin), init),
        end: restarted.stop,
      };
    },
    stop: async () => undefined,
  }),
};

export const astrayOnS3: StorageUnderTest['astray'] = [
  { bucket: 'x.evil.com' },
  { bucket: 'a/b' },
  { region: 'us-east-1.evil.com' },
  { region: 'us-east-1/../x' },
  { endpoint: 'https://s3.amazonaws.com@evil.com' },
  { endpoint: 'https://evil.com#s3.amazonaws.com' },
  { endpoint: 'file:///etc/passwd' },
];

const s3: StorageProvider = {
  name: 's3',
  start: async () => {
    const directory = await mkdtemp(join(tmpdir(), 's3rver-'));
    const server = new S3rver({
      address: '127.0.0.1',
      port: 0,
      silent: true,
      directory,
      configureBuckets: [{ name: BUCKET }],
    });
    const { port } = await server.run();
    const [id, secret] = [`AKID${randomUUID()}`, randomUUID()];
    AWSAccount.DUMMY_ACCOUNT.createKeyPair(id, secret);
    return {
      bucket: {
        ...common,
        provider: 's3',
        bucket: BUCKET,
        region: 'us-east-1',
        endpoint: `http://127.0.0.1:${port}`,
        credentials: { access_key_id_env: 'A', secret_access_key_env: 'B' },
      },
      env: { A: id, B: secret },
      root: `/${BUCKET}/`,
      stored: [200],
      astray: astrayOnS3,
      advice: /aws:TokenIssueTime.*access key/,
      cut: async () => {
        AWSAccount.DUMMY_ACCOUNT.revokeAccessKey(id);
        return AFTER_CUT;
      },
      stop: async () => {
        server.httpServer.closeAllConnections();
        await server.close();
        await rm(directory, { recursive: true });
      },
    };
  },
};

const azure: StorageProvider = {
  name: 'azure',
  start: async () => {
    const azurite = await startAzurite();
    await azurite.createContainer(BUCKET);
    const { account, endpoint, accountKey } = azurite;
    return {
      bucket: {
        ...common,
        provider: 'azure',
        bucket: BUCKET,
        endpoint,
        credentials: { account, account_key_env: 'K' },
      },
      env: { K: accountKey },
      root: `/${account}/${BUCKET}/`,
      stored: [201],
      astray: [
        { bucket: 'x.evil.com' },
        { bucket: 'a/b' },
        { credentials: { account: 'evil.com#' } },
        { credentials: { account: 'a/b' } },
        { endpoint: 'https://blob.core.windows.net@evil.com' },
        { endpoint: 'file:///etc/passwd' },
      ],
      advice: /revoke-delegation-keys.*account key/,
      cut: async () => {
        await azurite.rotateAccountKey();
        return AFTER_CUT;
      },
      stop: azurite.stop,
    };
  },
};

const gcs: StorageProvider = {
  name: 'gcs',
  start: async () => {
    const google = await startGcsStandIn();
    return {
      bucket: {
        ...common,
        provider: 'gcs',
        bucket: BUCKET,
        endpoint: google.endpoint,
        credentials: { service_account_env: 'K' },
      },
      env: { K: google.serviceAccount },
      root: `/${BUCKET}/`,
      stored: [200],
      astray: [
        { bucket: 'a/b' },
        { bucket: 'x..evil' },
        { bucket: '@evil.com' },
        { endpoint: 'https://storage.googleapis.com@evil.com' },
        { endpoint: 'file:///etc/passwd' },
      ],
      advice: /service account/,
      cut: async () => {
        google.disableAccount();
        return AFTER_CUT;
      },
      stop: google.stop,
    };
  },
};

/** Those that `npm test` has. Ceph is test/ceph's. */
export const PROVIDERS: readonly StorageProvider[] = [local, s3, azure, gcs];
