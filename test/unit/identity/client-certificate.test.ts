import { beforeAll, describe, expect, it } from '@jest/globals';
import { isFor, readCertificate } from '../../../src/identity/client-certificate.ts';
import type { SubjectName } from '../../../src/protocol/client-certificate.ts';
import {
  createAuthority,
  type TestAuthority,
  type TestCertificate,
} from '../../support/certificates.ts';

let authority: TestAuthority;
let leaf: TestCertificate;
beforeAll(() => {
  authority = createAuthority();
  leaf = authority.issue({
    subject: '/C=DE/O=Acme, Inc./OU=Ops/CN=nightly+UID=n1',
    names:
      'DNS:nightly.acme.example,DNS:*.wild.example,URI:spiffe://acme.example/nightly,IP:192.0.2.7,IP:2001:db8::7,email:Ops@acme.example',
  });
}, 30_000);

const matches = (kind: SubjectName, registered: string, certificate = leaf): boolean => {
  const read = readCertificate(certificate.der);
  return read !== undefined && isFor(read, kind, registered);
};

describe('RFC 8705 §2.1.2: who a certificate is for', () => {
  it.each<[SubjectName, string]>([
    ['tls_client_auth_subject_dn', 'CN=nightly+UID=n1,OU=Ops,O=Acme\\, Inc.,C=DE'],
    ['tls_client_auth_subject_dn', 'uid=n1+cn=nightly,ou=Ops,o=Acme\\2C Inc.,c=DE'],
    ['tls_client_auth_san_dns', 'nightly.acme.example'],
    ['tls_client_auth_san_dns', 'NIGHTLY.acme.example'],
    ['tls_client_auth_san_uri', 'spiffe://acme.example/nightly'],
    ['tls_client_auth_san_ip', '192.0.2.7'],
    ['tls_client_auth_san_ip', '2001:0db8:0:0:0:0:0:7'],
    ['tls_client_auth_san_email', 'Ops@acme.example'],
  ])('%s %s', (kind, registered) => {
    expect(matches(kind, registered)).toBe(true);
  });

  it.each<[SubjectName, string]>([
    ['tls_client_auth_subject_dn', 'CN=nightly+UID=n1,OU=Ops,O=Acme\\, Inc.'],
    ['tls_client_auth_subject_dn', 'CN=nightly,UID=n1,OU=Ops,O=Acme\\, Inc.,C=DE'],
    ['tls_client_auth_subject_dn', 'CN=nightly,OU=Ops,O=Acme\\, Inc.,C=DE'],
    ['tls_client_auth_subject_dn', 'CN=Nightly+UID=n1,OU=Ops,O=Acme\\, Inc.,C=DE'],
    ['tls_client_auth_subject_dn', 'CN=nightly +UID=n1,OU=Ops,O=Acme\\, Inc.,C=DE'],
    ['tls_client_auth_subject_dn', 'C=DE,O=Acme\\, Inc.,OU=Ops,CN=nightly+UID=n1'],
    ['tls_client_auth_subject_dn', 'CN=nightly+UID=n1,OU=Ops,OU=Ops,O=Acme\\, Inc.,C=DE'],
    ['tls_client_auth_san_dns', 'acme.example'],
    ['tls_client_auth_san_dns', 'a.wild.example'],
    ['tls_client_auth_san_dns', 'nightly.acme.example.'],
    ['tls_client_auth_san_uri', 'spiffe://acme.example/nightly/'],
    ['tls_client_auth_san_uri', 'SPIFFE://acme.example/nightly'],
    ['tls_client_auth_san_ip', '192.0.2.77'],
    ['tls_client_auth_san_ip', '::ffff:192.0.2.7'],
    ['tls_client_auth_san_email', 'ops@acme.example'],
    // A name of one kind is no name of another.
    ['tls_client_auth_san_uri', 'nightly.acme.example'],
    ['tls_client_auth_san_dns', '192.0.2.7'],
  ])('and nobody else: %s %s', (kind, registered) => {
    expect(matches(kind, registered)).toBe(false);
  });

  it('does not mistake what a name holds for the end of it', () => {
    const forged = authority.issue({
      subject: '/O=Evil/CN=nightly\\nO = Acme\\, Inc.',
      names: '@names\n[names]\nURI.1 = spiffe://evil.example/a, DNS:nightly.acme.example',
    });
    expect(matches('tls_client_auth_san_dns', 'nightly.acme.example', forged)).toBe(false);
    expect(matches('tls_client_auth_subject_dn', 'CN=nightly,O=Acme\\, Inc.', forged)).toBe(false);
  });

  it('has no alternative names where the certificate has none', () => {
    const bare = readCertificate(authority.issue({ subject: '/CN=a' }).der);
    expect(bare?.names).toEqual({ dns: [], uri: [], ip: [], email: [] });
  });
});

describe('a certificate', () => {
  it('has the thumbprint that OpenSSL gives it, and its dates', () => {
    const read = readCertificate(leaf.der);
    expect(read?.thumbprint).toBe(leaf.thumbprint);
    const ended = readCertificate(authority.issue({ until: '20240229120000Z' }).der);
    expect(ended?.notAfter).toEqual(new Date('2024-02-29T12:00:00Z'));
  });

  it('is nothing but that: no byte more, no byte less, no other spelling', () => {
    expect(readCertificate(Buffer.concat([leaf.der, Buffer.from([0])]))).toBeUndefined();
    expect(readCertificate(leaf.der.subarray(0, -1))).toBeUndefined();
    expect(readCertificate(Buffer.from(leaf.certificate))).toBeUndefined();
    expect(readCertificate(Buffer.alloc(0))).toBeUndefined();
    expect(readCertificate(Buffer.from('garbage'))).toBeUndefined();
  });
});
