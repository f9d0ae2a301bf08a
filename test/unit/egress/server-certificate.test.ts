import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { createFetch } from '../../../src/egress/fetch.ts';
import { createAuthority, type TestCertificate } from '../../support/certificates.ts';

/** RFC 9525: who answers is who was asked for, by a certificate that somebody trusted has signed. */

const trusted = createAuthority('Servers of Acme');
const before = getCACertificates('default');
beforeAll(() => setDefaultCACertificates([...before, trusted.certificate]));
afterAll(() => setDefaultCACertificates(before));

let close: (() => Promise<void>) | undefined;
afterEach(() => close?.());

const serve = async ({ certificate: cert, key }: TestCertificate): Promise<string> => {
  const server = createServer({ cert, key }, (_, response) => response.end('{}'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  close = () =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return `https://localhost:${(server.address() as AddressInfo).port}/`;
};

const fetch = createFetch({ allowLoopback: true, timeoutMs: 2_000 });
const localhost = { names: 'DNS:localhost' };

describe('the certificate of a server that is called', () => {
  it('is taken where it is for that name, in time, and of a CA that is trusted', async () => {
    expect((await fetch(await serve(trusted.issue(localhost)))).status).toBe(200);
  });

  it.each([
    ['it is for another name', () => trusted.issue({ names: 'DNS:other.acme.example' })],
    ['it has expired', () => trusted.issue({ ...localhost, until: '20240101000000Z' })],
    ['nobody trusted signed it', () => createAuthority('Servers of Acme').issue(localhost)],
  ])('is refused where %s', async (_, certificate) => {
    await expect(fetch(await serve(certificate()))).rejects.toThrow();
  });
});
