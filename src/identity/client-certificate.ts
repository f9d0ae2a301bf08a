import { hash, X509Certificate } from 'node:crypto';
import { isIPv6, SocketAddress } from 'node:net';
import type {
  AlternativeName,
  ClientCertificate,
  SubjectName,
} from '../protocol/client-certificate.ts';
import { type DerElement, readDer, readOid } from '../protocol/der.ts';
import { parseDistinguishedName, readDistinguishedName } from '../protocol/distinguished-name.ts';

/** What a certificate says of whoever holds its key; who has vouched for it is another question. */
export interface ReadCertificate extends Omit<ClientCertificate, 'authorized'> {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/**
 * Reads one certificate.
 *
 * @param der all of it, and nothing after it: a certificate has one spelling, so it has one thumbprint.
 * @returns undefined where it is none.
 */
export const readCertificate = (der: Buffer): ReadCertificate | undefined => {
  try {
    const { raw, validFromDate, validToDate } = new X509Certificate(der);
    if (!raw.equals(der)) return undefined;
    return {
      thumbprint: hash('sha256', der, 'base64url'),
      notBefore: validFromDate,
      notAfter: validToDate,
      ...namesIn(der),
    };
  } catch {
    return undefined;
  }
};

/** RFC 5280 §4.1: context tags of `version` and `extensions`. */
const VERSION = 0xa0;
const EXTENSIONS = 0xa3;
const SUBJECT_ALTERNATIVE_NAME = '2.5.29.17';

/** Names are read from the certificate itself: Node prints them as text, which can be made to look like another. */
const namesIn = (der: Buffer): Pick<ClientCertificate, 'subject' | 'names'> => {
  const [signed] = inside(only(readDer(der)));
  const fields = inside(signed);
  // serialNumber, signature, issuer, validity, subject
  const subject = fields[fields[0]?.tag === VERSION ? 5 : 4];
  const extensions = fields.find(({ tag }) => tag === EXTENSIONS);
  const list = extensions ? inside(only(inside(extensions))) : [];
  return {
    subject: readDistinguishedName(known(subject).content),
    names: alternativeNames(list),
  };
};

/** GeneralName's context tags (RFC 5280 §4.2.1.6), of the kinds that a client may be known by. */
const KINDS: ReadonlyMap<number, AlternativeName> = new Map([
  [0x81, 'email'],
  [0x82, 'dns'],
  [0x86, 'uri'],
  [0x87, 'ip'],
]);

const alternativeNames = (extensions: readonly DerElement[]): ClientCertificate['names'] => {
  const names: Record<AlternativeName, string[]> = { dns: [], uri: [], ip: [], email: [] };
  for (const extension of extensions) {
    const parts = inside(extension);
    if (readOid(known(parts[0]).content) !== SUBJECT_ALTERNATIVE_NAME) continue;
    // The value is the last part: an OCTET STRING, with the names in it.
    for (const { tag, content } of inside(only(inside(parts.at(-1))))) {
      const kind = KINDS.get(tag);
      if (kind) names[kind].push(kind === 'ip' ? addressOf(content) : content.toString('latin1'));
    }
  }
  return names;
};

const addressOf = (bytes: Buffer): string =>
  bytes.length === 4 ? bytes.join('.') : canonicalAddress(groups(bytes));

const groups = (bytes: Buffer): string => (bytes.toString('hex').match(/.{4}/g) ?? []).join(':');

/** One spelling for each IPv6 address (RFC 5952). */
const canonicalAddress = (address: string): string =>
  isIPv6(address) ? new SocketAddress({ address, family: 'ipv6' }).address : address;

/**
 * Whether a certificate is for the client that is known by this name (RFC 8705 §2.1.2).
 *
 * Nothing is a pattern: a certificate for `*.acme.example` is for no host of it. Leans closed.
 */
export const isFor = (
  { subject, names }: Pick<ClientCertificate, 'subject' | 'names'>,
  kind: SubjectName,
  registered: string,
): boolean => {
  switch (kind) {
    case 'tls_client_auth_subject_dn': {
      const expected = parseDistinguishedName(registered);
      return expected !== undefined && JSON.stringify(expected) === JSON.stringify(subject);
    }
    case 'tls_client_auth_san_dns':
      return names.dns.some((name) => name.toLowerCase() === registered.toLowerCase());
    case 'tls_client_auth_san_uri':
      return names.uri.includes(registered);
    case 'tls_client_auth_san_ip':
      return names.ip.includes(canonicalAddress(registered));
    case 'tls_client_auth_san_email':
      return names.email.includes(registered);
  }
};

const inside = (element: DerElement | undefined): readonly DerElement[] =>
  readDer(known(element).content);

const only = ([element]: readonly DerElement[]): DerElement => known(element);

const known = <Part>(part: Part | undefined): Part => {
  if (part === undefined) throw new RangeError('not a certificate');
  return part;
};
