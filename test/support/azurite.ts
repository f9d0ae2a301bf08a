import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import type { TokenCredential } from '@azure/identity';
import { BlobServiceClient, StorageSharedKeyCredential } from '@azure/storage-blob';
import { createAuthority } from './certificates.ts';

/** Azurite, Microsoft's own emulator, with https and OAuth, so that it gives user delegation keys. */
export interface Azurite {
  readonly endpoint: string;
  readonly account: string;
  /** Base64. */
  readonly accountKey: string;
  /** Somebody Azurite believes: it looks at a token's claims, and not at its signature. */
  readonly tokenCredential: TokenCredential;
  createContainer(name: string): Promise<void>;
  /** The account has another key from then on, and is empty: what is kept is in memory. */
  rotateAccountKey(): Promise<void>;
  stop(): Promise<void>;
}

const ACCOUNT = 'acmestorage';
const MAIN = join(import.meta.dirname, '../../node_modules/azurite/dist/src/blob/main.js');
const READY_MS = 30_000;

const freePort = (): Promise<number> =>
  new Promise((found, failed) => {
    const probe = createServer();
    probe.once('error', failed);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => found(port));
    });
  });

const base64url = (value: object): string =>
  Buffer.from(JSON.stringify(value)).toString('base64url');

const tokenCredential: TokenCredential = {
  getToken: async () => {
    const now = Math.floor(Date.now() / 1000);
    const claims = {
      aud: 'https://storage.azure.com',
      iss: 'https://sts.windows.net/9f9e9d9c-0000-4000-8000-000000000001/',
      oid: '9f9e9d9c-0000-4000-8000-000000000002',
      tid: '9f9e9d9c-0000-4000-8000-000000000001',
      iat: now - 60,
      nbf: now - 60,
      exp: now + 3600,
    };
    const token = `${base64url({ alg: 'RS256', typ: 'JWT' })}.${base64url(claims)}.c2ln`;
    return { token, expiresOnTimestamp: claims.exp * 1000 };
  },
};

const isReady = async (child: ChildProcess): Promise<void> => {
  let said = '';
  await new Promise<void>((ready, failed) => {
    const late = setTimeout(() => failed(new Error(`Azurite is not ready: ${said}`)), READY_MS);
    child.stdout?.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes('successfully')) {
        clearTimeout(late);
        ready();
      }
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    child.once('exit', (code) => {
      clearTimeout(late);
      failed(new Error(`Azurite ended with ${code}: ${said}`));
    });
  });
};

interface Running {
  readonly directory: string;
  readonly port: number;
  readonly accountKey: string;
}

const run = async ({ directory, port, accountKey }: Running): Promise<ChildProcess> => {
  const child = spawn(
    process.execPath,
    [
      MAIN,
      ...['--blobHost', '127.0.0.1', '--blobPort', String(port)],
      '--inMemoryPersistence',
      ...['--oauth', 'basic'],
      ...['--cert', join(directory, 'cert.pem'), '--key', join(directory, 'key.pem')],
      // The SDK speaks a version that Azurite has not heard of yet.
      ...['--disableTelemetry', '--skipApiVersionCheck', '--silent'],
    ],
    {
      env: { PATH: process.env.PATH, AZURITE_ACCOUNTS: `${ACCOUNT}:${accountKey}` },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  await isReady(child);
  return child;
};

const end = async (child: ChildProcess): Promise<void> => {
  const ended = new Promise((exit) => child.once('exit', exit));
  child.kill('SIGTERM');
  await ended;
};

export const startAzurite = async (): Promise<Azurite> => {
  const directory = await mkdtemp(join(tmpdir(), 'azurite-'));
  const authority = createAuthority();
  const { certificate, key } = authority.issue({
    subject: '/CN=127.0.0.1',
    names: 'IP:127.0.0.1',
  });
  await writeFile(join(directory, 'cert.pem'), certificate);
  await writeFile(join(directory, 'key.pem'), key);
  const accountKey = randomBytes(64).toString('base64');
  const port = await freePort();
  let child = await run({ directory, port, accountKey });
  // The SDK and fetch take what the process trusts by default, so this is what it trusts for the suite.
  const trusted = getCACertificates('default');
  setDefaultCACertificates([...trusted, authority.certificate]);

  const endpoint = `https://127.0.0.1:${port}`;
  const client = new BlobServiceClient(
    `${endpoint}/${ACCOUNT}`,
    new StorageSharedKeyCredential(ACCOUNT, accountKey),
  );
  return {
    endpoint,
    account: ACCOUNT,
    accountKey,
    tokenCredential,
    createContainer: async (name) => void (await client.getContainerClient(name).create()),
    rotateAccountKey: async () => {
      await end(child);
      child = await run({ directory, port, accountKey: randomBytes(64).toString('base64') });
    },
    stop: async () => {
      setDefaultCACertificates(trusted);
      await end(child);
      await rm(directory, { recursive: true, force: true });
    },
  };
};
