import type { DistinguishedName } from './distinguished-name.ts';

/** The certificate of a connection's other end, which has proven to hold its key (RFC 8705 §2). */
export interface ClientCertificate {
  /** `x5t#S256`: SHA-256 of its DER, base64url (RFC 8705 §3.1). */
  readonly thumbprint: string;
  /** Whether it was found to come from a CA that may vouch for clients; a certificate that is not still has a key. */
  readonly authorized: boolean;
  readonly subject: DistinguishedName;
  /** Its alternative names (RFC 5280 §4.2.1.6), those of each kind. */
  readonly names: Readonly<Record<AlternativeName, readonly string[]>>;
}

export type AlternativeName = 'dns' | 'uri' | 'ip' | 'email';

/** The one name by which a client is known (RFC 8705 §2.1.2), as its metadata calls it. */
export const SUBJECT_NAMES = [
  'tls_client_auth_subject_dn',
  'tls_client_auth_san_dns',
  'tls_client_auth_san_uri',
  'tls_client_auth_san_ip',
  'tls_client_auth_san_email',
] as const;
export type SubjectName = (typeof SUBJECT_NAMES)[number];
