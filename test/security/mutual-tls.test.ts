import { request as httpsRequest } from 'node:https';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createAuthority, type TestCertificate } from '../support/certificates.ts';
import { startTestDaypass, type TestDaypass } from '../support/daypass.ts';

/** Client certificates by TLS itself (RFC 8705): real handshakes with two instances. */

const servers = createAuthority('Servers of Acme');
const server = servers.issue({ subject: '/CN=localhost', names: 'DNS:localhost' });
const clients = createAuthority('Clients of Acme');
const own = clients.issue({ subject: '/CN=ledger', names: 'URI:spiffe://acme.example/ledger' });
const renewed = clients.issue({ names: 'URI:spiffe://acme.example/ledger' });
const other = clients.issue({ names: 'URI:spiffe://acme.example/other' });
const expired = clients.issue({
  names: 'URI:spiffe://acme.example/ledger',
  until: '20240101000000Z',
});
const foreign = createAuthority('Clients of Acme').issue({
  names: 'URI:spiffe://acme.example/ledger',
});

const BUCKET = 'bucket:project-123';
const app = {
  tenant: 'acme',
  owner: 'ops@acme.example',
  purpose: 'handshakes',
  expires: '2099-01-01',
  type: 'service' as const,
  tls_client_auth: { san_uri: 'spiffe://acme.example/ledger' },
  grants: [{ resource: BUCKET, actions: ['list'], prefix: '/ledger/' }],
};

const env = {
  TLS_CERTIFICATE: server.certificate,
  TLS_KEY: server.key,
  TLS_CLIENT_CA: clients.certificate,
};

let instances: TestDaypass[] = [];
beforeAll(async () => {
  const first = await startTestDaypass({
    env,
    configure: (demo) => ({ ...demo, apps: [...(demo.apps ?? []), { ...app, id: 'ledger' }] }),
  });
  instances = [first, await startTestDaypass({ beside: first, env })];
}, 60_000);
afterAll(async () => {
  for (const each of instances.toReversed()) await each.stop();
});

interface Told {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

interface Call {
  readonly certificate?: TestCertificate | undefined;
  readonly headers?: Record<string, string>;
  readonly form?: Record<string, string>;
}

/** Each call has a connection of its own, and verifies the broker's certificate. */
const call = (through: TestDaypass, path: string, { certificate, headers, form }: Call) =>
  new Promise<Told>((resolve, reject) => {
    const body = form && new URLSearchParams(form).toString();
    const request = httpsRequest(
      {
        host: 'localhost',
        port: new URL(through.url).port,
        path,
        method: body === undefined ? 'GET' : 'POST',
        agent: false,
        ca: servers.certificate,
        ...(certificate && { cert: certificate.certificate, key: certificate.key }),
        headers: {
          ...(body !== undefined && {
            'content-type': 'application/x-www-form-urlencoded',
            'content-length': String(body.length),
          }),
          ...headers,
        },
      },
      (response) => {
        let text = '';
        response.on('data', (chunk) => {
          text += String(chunk);
        });
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) as Told['body'] }),
        );
      },
    );
    request.on('error', reject);
    request.end(body);
  });

const forItself = { client_id: 'ledger', grant_type: 'client_credentials', resource: BUCKET };

const tokenFor = async (certificate: TestCertificate, through = instances[0]!): Promise<string> => {
  const { status, body } = await call(through, '/token', { certificate, form: forItself });
  expect({ status, body }).toMatchObject({ status: 200, body: { token_type: 'Bearer' } });
  return String(body.access_token);
};

const list = (through: TestDaypass, token: string, certificate?: TestCertificate) =>
  call(through, '/objects', { certificate, headers: { authorization: `Bearer ${token}` } });

describe('a client on a TLS connection of the broker', () => {
  it('is known by its certificate, which its token is bound to', async () => {
    const token = await tokenFor(own);
    for (const through of instances) {
      expect(await list(through, token, own)).toMatchObject({ status: 200 });
    }
  });

  it.each<[string, TestCertificate | undefined]>([
    ['no certificate', undefined],
    ['one for another name', other],
    ['one that has expired', expired],
    ['one of a CA of the same name that is not ours', foreign],
    ['the one of the server', server],
  ])('is not the app with %s', async (_, certificate) => {
    for (const through of instances) {
      expect(await call(through, '/token', { certificate, form: forItself })).toMatchObject({
        status: 401,
        body: { error: 'invalid_client' },
      });
    }
  });

  it.each<[string, TestCertificate | undefined]>([
    ['none', undefined],
    ['the next one of the same app', renewed],
    ['another one', other],
    ['one of another CA', foreign],
  ])('does not use its token with %s', async (_, certificate) => {
    const token = await tokenFor(own);
    for (const through of instances) {
      expect(await list(through, token, certificate)).toMatchObject({
        status: 401,
        body: { error: 'invalid_token' },
      });
    }
  });

  it('is not believed where it tells of a certificate itself', async () => {
    const headers = {
      'client-cert': `:${own.der.toString('base64')}:`,
      'x-forwarded-client-cert': own.certificate.replaceAll('\n', ' '),
    };
    const token = await tokenFor(own);
    for (const through of instances) {
      expect(await call(through, '/token', { headers, form: forItself })).toMatchObject({
        status: 401,
      });
      const authorization = `Bearer ${token}`;
      expect(
        await call(through, '/objects', { headers: { ...headers, authorization } }),
      ).toMatchObject({ status: 401 });
    }
  });

  it('does without, where it needs none: anybody may ask for the metadata', async () => {
    const { body } = await call(instances[0]!, '/.well-known/oauth-authorization-server', {});
    expect(body).toMatchObject({
      token_endpoint_auth_methods_supported: expect.arrayContaining(['tls_client_auth']),
      tls_client_certificate_bound_access_tokens: true,
    });
  });

  it('is out once its certificate has expired, also on a connection from before', async () => {
    const token = await tokenFor(own);
    const [first] = instances;
    first?.advance(3 * 24 * 3600);
    for (const through of instances) {
      expect(await list(through, token, own)).toMatchObject({ status: 401 });
      expect(await call(through, '/token', { certificate: own, form: forItself })).toMatchObject({
        status: 401,
        body: { error: 'invalid_client' },
      });
    }
  });
});

describe('TLS as BCP 195 has it', () => {
  const shake = (options: object): Promise<string | undefined> =>
    new Promise((resolve) => {
      const port = Number(new URL(instances[0]!.url).port);
      const socket = connect(
        { port, host: 'localhost', ca: servers.certificate, ...options },
        () => {
          resolve(`${socket.getProtocol()} ${socket.getCipher().name}`);
          socket.destroy();
        },
      );
      socket.on('error', () => resolve(undefined));
    });

  it.each([
    ['TLSv1.3', {}, 'TLSv1.3 TLS_AES_128_GCM_SHA256'],
    [
      'TLS 1.2 and AES-GCM',
      { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' },
      'TLSv1.2 ECDHE-ECDSA-AES128-GCM-SHA256',
    ],
    [
      'TLS 1.2 and CBC',
      { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES256-SHA' },
      undefined,
    ],
    [
      'TLS 1.1',
      { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' },
      undefined,
    ],
  ])('answers %s as it recommends', async (_, options, expected) => {
    expect(await shake(options)).toBe(expected);
  });
});
