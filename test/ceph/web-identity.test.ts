import { execFileSync } from 'node:child_process';
import {
  createHash,
  createHmac,
  createPublicKey,
  type JsonWebKey,
  X509Certificate,
} from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SignatureV4 } from '@smithy/signature-v4';
import type { DeploymentDocument } from '../../src/config/deployment.ts';
import { freePort, startTestDaypass, type TestDaypass } from '../support/daypass.ts';
import { onS3 } from '../support/s3-story.ts';
import { PNG, startStory } from '../support/upload-story.ts';
import { CEPH_CREDENTIALS, placeOnCeph } from './gateway.ts';

/**
 * Daypass as the OIDC provider that a real gateway trusts: no key of the gateway is anywhere in it.
 *
 * Ceph 16 reads a key set only where it is one key with a certificate (`x5c`), which RFC 7517 leaves to whoever publishes
 * it. So there is a front here that shows it our RS256 key so, as docs/cloud-federation.md has it.
 */

type Jwk = JsonWebKey & { readonly alg?: string };

let broker: TestDaypass;
let front: Front;

interface Front {
  readonly url: string;
  readonly server: Server;
  /** Of the certificate that it shows our key with. */
  readonly thumbprint: string;
}

const HOP = new Set(['connection', 'keep-alive', 'transfer-encoding', 'content-length', 'host']);

/** All of the broker, under the issuer's name. */
const openFront = async (port: number): Promise<Front> => {
  const asPublished = await fetch(`${broker.url}/jwks`);
  const { keys } = (await asPublished.json()) as { keys: readonly Jwk[] };
  const key = keys.find(({ alg }) => alg === 'RS256');
  if (!key) throw new Error('no RS256 key is published');
  const certificate = certify(key);
  const keySet = { keys: [{ ...key, x5c: [certificate.raw.toString('base64')] }] };
  const server = createServer(async (request, response) => {
    if (request.url === '/jwks') return void response.end(JSON.stringify(keySet));
    const headers = Object.entries(request.headers).filter(([name]) => !HOP.has(name));
    const hasBody = request.method !== 'GET' && request.method !== 'HEAD';
    const answer = await fetch(`${broker.url}${request.url}`, {
      method: request.method ?? 'GET',
      headers: headers as [string, string][],
      redirect: 'manual',
      ...(hasBody && { body: Buffer.concat(await request.toArray()) }),
    });
    const sent = [...answer.headers].filter(([name]) => !HOP.has(name));
    response.writeHead(answer.status, Object.fromEntries(sent));
    if (answer.body) Readable.fromWeb(answer.body as never).pipe(response);
    else response.end();
  });
  await new Promise<void>((listening) => server.listen(port, '127.0.0.1', listening));
  const thumbprint = certificate.fingerprint.replaceAll(':', '');
  return { url: `http://localhost:${port}`, server, thumbprint };
};

/** A certificate of a public key, by somebody who has another. */
const certify = (key: Jwk): X509Certificate => {
  const dir = mkdtempSync(join(tmpdir(), 'daypass-x5c-'));
  try {
    const openssl = (...args: string[]) =>
      execFileSync('openssl', args, { cwd: dir, stdio: 'pipe' });
    const pem = createPublicKey({ key, format: 'jwk' }).export({ type: 'spki', format: 'pem' });
    writeFileSync(join(dir, 'key.pem'), pem);
    const ca = ['-keyout', 'ca.key', '-out', 'ca.crt', '-subj', '/CN=front', '-days', '2'];
    openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', ...ca);
    const by = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-days', '2'];
    openssl('x509', '-new', '-force_pubkey', 'key.pem', '-subj', '/CN=daypass', ...by, '-out', 'c');
    return new X509Certificate(readFileSync(join(dir, 'c')));
  } finally {
    rmSync(dir, { recursive: true });
  }
};

class Sha256 {
  readonly #hash;
  constructor(secret?: Uint8Array) {
    this.#hash = secret ? createHmac('sha256', secret) : createHash('sha256');
  }
  update(data: Uint8Array): void {
    this.#hash.update(data);
  }
  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }
}

/** The gateway's IAM, as whoever set it up. */
const iam = async (endpoint: string, query: Record<string, string>): Promise<void> => {
  const { hostname, port, host } = new URL(endpoint);
  const signer = new SignatureV4({
    service: 's3',
    region: 'us-east-1',
    credentials: CEPH_CREDENTIALS,
    sha256: Sha256 as never,
  });
  const signed = await signer.sign({
    method: 'POST',
    protocol: 'http:',
    hostname,
    port: Number(port),
    path: '/',
    query,
    headers: { host },
    body: '',
  });
  const url = `${endpoint}/?${new URLSearchParams(query)}`;
  const answer = await fetch(url, { method: 'POST', headers: signed.headers });
  if (!answer.ok) throw new Error(`${query.Action}: ${answer.status} ${await answer.text()}`);
};

const ROLE = 'Federated';

/** The trust of docs/cloud-federation.md, to one bucket of one tenant. */
const trust = async (endpoint: string): Promise<void> => {
  const issuer = new URL(front.url).host;
  await iam(endpoint, {
    Action: 'CreateOpenIDConnectProvider',
    Url: front.url,
    'ThumbprintList.member.1': front.thumbprint,
    'ClientIDList.member.1': 'sts.amazonaws.com',
  });
  const allow = (statement: object): string =>
    JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', ...statement }] });
  const RoleName = `${ROLE}-${issuer.split(':')[1]}`;
  await iam(endpoint, {
    Action: 'CreateRole',
    RoleName,
    Path: '/',
    AssumeRolePolicyDocument: allow({
      Principal: { Federated: [`arn:aws:iam:::oidc-provider/${issuer}`] },
      Action: ['sts:AssumeRoleWithWebIdentity'],
      Condition: {
        StringEquals: {
          [`${issuer}:aud`]: 'sts.amazonaws.com',
          [`${issuer}:sub`]: 'tenant:acme:bucket:project-123',
        },
      },
    }),
  });
  await iam(endpoint, {
    Action: 'PutRolePolicy',
    RoleName,
    PolicyName: 'objects',
    PolicyDocument: allow({ Action: ['s3:*'], Resource: ['arn:aws:s3:::*'] }),
  });
};

/** Two buckets of ours with the same identity; the gateway is told of one. */
const federated =
  (place: Awaited<ReturnType<typeof placeOnCeph>>, port: number) =>
  (demo: DeploymentDocument): DeploymentDocument => {
    const { buckets = [], ...rest } = onS3(place)(demo);
    const credentials = { web_identity: { role_arn: `arn:aws:iam:::role/${ROLE}-${port}` } };
    const own = buckets.map((bucket) => ({ ...bucket, credentials }) as never);
    const other = buckets.map((bucket) => ({ ...bucket, id: 'other', credentials }) as never);
    return {
      ...rest,
      apps: (rest.apps ?? []).map((app) => ({
        ...app,
        grants: (app.grants ?? []).flatMap((grant) =>
          grant.resource.startsWith('bucket:')
            ? [grant, { ...grant, resource: 'bucket:other' }]
            : [grant],
        ),
      })),
      buckets: [...own, ...other],
    };
  };

beforeAll(async () => {
  const place = await placeOnCeph();
  const port = await freePort();
  broker = await startTestDaypass({
    configure: federated(place, port),
    env: { ISSUER: `http://localhost:${port}` },
  });
  front = await openFront(port);
  await trust(place.endpoint);
}, 60_000);
afterAll(async () => {
  front?.server.closeAllConnections();
  front?.server.close();
  await broker?.stop();
});

describe('a gateway that trusts Daypass as its OIDC provider', () => {
  it('takes uploads under a session, whose identity is signed and on record', async () => {
    const { requestUpload, put, settled } = await startStory({ ...broker, url: front.url });
    const upload = await requestUpload();
    expect(upload.status).toBe(201);
    const url = new URL(String(upload.body.uploadUrl));
    expect(url.searchParams.has('X-Amz-Security-Token')).toBe(true);
    expect((await put(upload.body, PNG)).status).toBe(200);
    expect(await settled(upload.body.objectId)).toMatchObject({ status: 'available' });
    const trail = await broker.ledger.audit.search(
      { action: 'cloud.vouch' },
      { limit: 1, after: undefined },
    );
    expect(trail).toMatchObject([{ detail: { sub: 'tenant:acme:bucket:project-123' } }]);
  });

  it('gives no session for another bucket of ours: it was told of one', async () => {
    const { client, key } = await startStory({ ...broker, url: front.url });
    const exchanged = await client.call('/exchange', {
      body: { resource: 'bucket:other', actions: ['write'] },
      token: await broker.signIn('ana', 'where2eat'),
      key,
      bound: false,
    });
    const refused = await client.call('/request-upload', {
      body: { filename: 'menu.png', size: PNG.length, contentType: 'image/png' },
      token: String(exchanged.body.access_token),
      key,
    });
    expect([refused.status, refused.body.error]).toEqual([503, 'temporarily_unavailable']);
  });
});
