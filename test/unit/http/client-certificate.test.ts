import type { IncomingMessage } from 'node:http';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { createClientCertificate } from '../../../src/http/client-certificate.ts';
import { createTrustedProxies } from '../../../src/http/trusted-proxies.ts';
import { clientCert, createAuthority, type TestCertificate } from '../../support/certificates.ts';

/** What the header holds is attacked over HTTP: test/security/client-certificates. Here, whom it is believed from. */

let own: TestCertificate;
let proxys: TestCertificate;
beforeAll(() => {
  const authority = createAuthority();
  own = authority.issue({ subject: '/CN=own', until: '20300101000000Z' });
  proxys = authority.issue({ subject: '/CN=proxy', until: '20300101000000Z' });
}, 30_000);

const ofRequest = (
  { remote, told, tls }: { remote: string; told?: TestCertificate; tls?: TestCertificate },
  {
    header = 'client-cert',
    at = '2026-01-01T00:00:00Z',
  }: { header?: string | undefined; at?: string } = {},
) =>
  createClientCertificate({
    header: header === '' ? undefined : header,
    isTrustedProxy: createTrustedProxies(['10.0.0.0/8', 'fd00::/8']),
    now: () => new Date(at),
  })({
    headersDistinct: told ? { 'client-cert': [clientCert(told)] } : {},
    socket: {
      remoteAddress: remote,
      ...(tls && {
        encrypted: true,
        authorized: true,
        getPeerX509Certificate: () => ({ raw: tls.der }),
      }),
    },
  } as unknown as IncomingMessage)?.thumbprint;

describe('the certificate of a client', () => {
  it.each(['10.1.2.3', '::ffff:10.1.2.3', 'fd00::1'])('is what the proxy at %s tells', (remote) => {
    expect(ofRequest({ remote, told: own })).toBe(own.thumbprint);
  });

  it.each(['203.0.113.7', '::ffff:203.0.113.7', '2001:db8::1', ''])(
    'is not what anybody at %j tells',
    (remote) => {
      expect(ofRequest({ remote, told: own })).toBeUndefined();
    },
  );

  it('is not what a proxy tells in a header that nobody asked for', () => {
    expect(ofRequest({ remote: '10.1.2.3', told: own }, { header: '' })).toBeUndefined();
    expect(ofRequest({ remote: '10.1.2.3', told: own }, { header: 'x-other' })).toBeUndefined();
  });

  it('is that of the connection where no proxy is in between, whatever the client tells', () => {
    expect(ofRequest({ remote: '203.0.113.7', tls: own })).toBe(own.thumbprint);
    expect(ofRequest({ remote: '203.0.113.7', tls: own, told: proxys })).toBe(own.thumbprint);
  });

  it('is never that of a proxy which speaks for others', () => {
    expect(ofRequest({ remote: '10.1.2.3', tls: proxys })).toBeUndefined();
    expect(ofRequest({ remote: '10.1.2.3', tls: proxys, told: own })).toBe(own.thumbprint);
  });

  it.each([
    ['2019-12-31T23:59:59Z', false],
    ['2020-01-01T00:00:00Z', true],
    ['2030-01-01T00:00:00Z', true],
    ['2030-01-01T00:00:01Z', false],
  ])('counts at %s: %j', (at, counts) => {
    const expected = counts ? own.thumbprint : undefined;
    expect(ofRequest({ remote: '10.1.2.3', told: own }, { at })).toBe(expected);
    expect(ofRequest({ remote: '203.0.113.7', tls: own }, { at })).toBe(expected);
  });
});
