import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Real certificates, made by OpenSSL. */

export interface TestCertificate {
  /** PEM. */
  readonly certificate: string;
  readonly key: string;
  readonly der: Buffer;
  /** `x5t#S256` */
  readonly thumbprint: string;
}

export interface Wanted {
  /** As `openssl req -subj` takes it. */
  readonly subject?: string;
  /** As `subjectAltName` of x509v3_config(5). */
  readonly names?: string;
  /** When it ends, `YYYYMMDDHHMMSSZ`; left out, in two days. */
  readonly until?: string;
}

export interface TestAuthority extends TestCertificate {
  issue(wanted: Wanted): TestCertificate;
}

const openssl = (dir: string, ...args: string[]): void =>
  void execFileSync('openssl', args, { cwd: dir, stdio: 'pipe' });

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-utf8'];

const inFolder = <Made>(work: (dir: string) => Made): Made => {
  const dir = mkdtempSync(join(tmpdir(), 'daypass-certificates-'));
  try {
    return work(dir);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
};

const read = (dir: string, name: string): TestCertificate => {
  const certificate = readFileSync(join(dir, `${name}.crt`), 'utf8');
  const { raw: der, fingerprint256 } = new X509Certificate(certificate);
  return {
    certificate,
    key: readFileSync(join(dir, `${name}.key`), 'utf8'),
    der,
    // As OpenSSL prints it: not by the code that is tested.
    thumbprint: Buffer.from(fingerprint256.replaceAll(':', ''), 'hex').toString('base64url'),
  };
};

const CA_CONFIGURATION = `[ca]
default_ca = here
[here]
database = index.txt
new_certs_dir = .
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
preserve = yes
string_mask = utf8only
[any]
commonName = optional
countryName = optional
organizationName = optional
organizationalUnitName = optional
userId = optional
`;

/** A CA that nobody else knows. */
export const createAuthority = (name = 'Clients of Acme'): TestAuthority => {
  const authority = inFolder((dir) => {
    openssl(
      dir,
      'req',
      '-x509',
      ...KEY,
      '-subj',
      `/CN=${name}`,
      '-days',
      '2',
      '-keyout',
      'ca.key',
      '-out',
      'ca.crt',
    );
    return read(dir, 'ca');
  });
  const issue = ({ subject = '/CN=client', names, until }: Wanted): TestCertificate =>
    inFolder((dir) => {
      writeFileSync(join(dir, 'ca.crt'), authority.certificate);
      writeFileSync(join(dir, 'ca.key'), authority.key);
      writeFileSync(join(dir, 'index.txt'), '');
      writeFileSync(join(dir, 'ca.cnf'), CA_CONFIGURATION);
      writeFileSync(join(dir, 'ext.cnf'), names === undefined ? '' : `subjectAltName=${names}\n`);
      openssl(
        dir,
        'req',
        '-new',
        ...KEY,
        '-subj',
        subject,
        '-multivalue-rdn',
        '-keyout',
        'leaf.key',
        '-out',
        'leaf.csr',
      );
      const extensions = ['-extfile', 'ext.cnf', '-in', 'leaf.csr', '-out', 'leaf.crt'];
      if (until === undefined) {
        const signer = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2'];
        openssl(dir, 'x509', '-req', ...signer, ...extensions);
      } else {
        // Only `openssl ca` of Debian's version takes dates; it takes relative names apart.
        const signer = ['-config', 'ca.cnf', '-cert', 'ca.crt', '-keyfile', 'ca.key'];
        const dates = ['-startdate', '20200101000000Z', '-enddate', until];
        openssl(dir, 'ca', '-batch', '-notext', ...signer, ...dates, ...extensions);
      }
      return read(dir, 'leaf');
    });
  return { ...authority, issue };
};

/** RFC 9440 §2.2 */
export const clientCert = ({ der }: TestCertificate): string => `:${der.toString('base64')}:`;

/** As nginx writes `$ssl_client_escaped_cert`. */
export const escapedPem = ({ certificate }: TestCertificate): string =>
  encodeURIComponent(certificate);
