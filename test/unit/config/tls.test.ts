import { beforeAll, describe, expect, it } from '@jest/globals';
import { loadConfig } from '../../../src/config/config.ts';
import { ConfigurationError } from '../../../src/config/problem.ts';
import type { Files } from '../../../src/config/secret.ts';
import { createAuthority, type TestCertificate } from '../../support/certificates.ts';

const disk = (files: Readonly<Record<string, string>> = {}): Files => ({
  exists: (path) => Object.hasOwn(files, path),
  read: (path) => files[path] ?? '',
});

const rulesOf = (env: NodeJS.ProcessEnv): readonly string[] => {
  try {
    loadConfig(env, disk());
  } catch (error) {
    if (error instanceof ConfigurationError) {
      return error.problems.map(({ path, rule }) => `${path} ${rule}`);
    }
    throw error;
  }
  return [];
};

let server: TestCertificate;
let other: TestCertificate;
let ca: string;
beforeAll(() => {
  const authority = createAuthority();
  ca = authority.certificate;
  server = authority.issue({ subject: '/CN=localhost' });
  other = authority.issue({ subject: '/CN=other' });
}, 30_000);

describe('TLS of the broker itself', () => {
  it('takes a certificate, its key and the CA of clients, from files as well', () => {
    const files = { '/c': server.certificate, '/k': server.key, '/ca': ca };
    const env = { TLS_CERTIFICATE_FILE: '/c', TLS_KEY_FILE: '/k', TLS_CLIENT_CA_FILE: '/ca' };
    const { tls, issuer } = loadConfig(env, disk(files));
    expect(tls?.certificate.trim()).toBe(server.certificate.trim());
    expect(tls?.key.trim()).toBe(server.key.trim());
    expect(tls?.clientCa?.trim()).toBe(ca.trim());
    expect(issuer).toBe('https://localhost:8080');
  });

  it('asks clients for nothing without their CA, and is off without a certificate', () => {
    const { tls } = loadConfig(
      { TLS_CERTIFICATE: `${server.certificate}${ca}`, TLS_KEY: server.key },
      disk(),
    );
    expect(tls).toEqual({ certificate: `${server.certificate}${ca}`, key: server.key });
    expect(loadConfig({}, disk()).tls).toBeUndefined();
  });

  it.each<[string, () => NodeJS.ProcessEnv, readonly string[]]>([
    [
      'a certificate without its key',
      () => ({ TLS_CERTIFICATE: server.certificate }),
      ['TLS_KEY together'],
    ],
    ['a key alone', () => ({ TLS_KEY: server.key }), ['TLS_CERTIFICATE together']],
    [
      'a CA of clients that nobody connects to',
      () => ({ TLS_CLIENT_CA: ca }),
      ['TLS_CERTIFICATE together', 'TLS_KEY together'],
    ],
    [
      'the key of another certificate',
      () => ({ TLS_CERTIFICATE: server.certificate, TLS_KEY: other.key }),
      ['TLS_KEY key_of_certificate'],
    ],
    [
      'what is no key',
      () => ({ TLS_CERTIFICATE: server.certificate, TLS_KEY: 'key' }),
      ['TLS_KEY key_of_certificate'],
    ],
    [
      'what is no certificate',
      () => ({ TLS_CERTIFICATE: server.key, TLS_KEY: server.key, TLS_CLIENT_CA: 'ca' }),
      ['TLS_CERTIFICATE pem', 'TLS_CLIENT_CA pem'],
    ],
    [
      'a broken one among several',
      () => ({
        TLS_CERTIFICATE: server.certificate,
        TLS_KEY: server.key,
        TLS_CLIENT_CA: `${ca}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`,
      }),
      ['TLS_CLIENT_CA pem'],
    ],
  ])('refuses %s', (_, env, rules) => {
    expect(rulesOf(env())).toEqual(rules);
  });
});

describe('the header that proxies tell of certificates in', () => {
  it('is known by its name in lower case', () => {
    const env = { CLIENT_CERTIFICATE_HEADER: 'Client-Cert', TRUSTED_PROXIES: '10.0.0.0/8' };
    expect(loadConfig(env, disk()).clientCertificateHeader).toBe('client-cert');
  });

  it('is believed from no one but trusted proxies, so there have to be some', () => {
    expect(rulesOf({ CLIENT_CERTIFICATE_HEADER: 'Client-Cert' })).toEqual([
      'CLIENT_CERTIFICATE_HEADER trusted_proxies',
    ]);
  });

  it.each(['Authorization', 'DPoP', 'Host', 'X-Forwarded-For', 'Cookie', 'a b', 'a:b', 'é'])(
    'is not %s',
    (CLIENT_CERTIFICATE_HEADER) => {
      expect(rulesOf({ CLIENT_CERTIFICATE_HEADER, TRUSTED_PROXIES: '10.0.0.0/8' })).toEqual([
        'CLIENT_CERTIFICATE_HEADER format',
      ]);
    },
  );
});
