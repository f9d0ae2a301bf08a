import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { type ReadCertificate, readCertificate } from '../identity/client-certificate.ts';
import type { ClientCertificate } from '../protocol/client-certificate.ts';
import type { IsTrustedProxy } from './trusted-proxies.ts';

export interface ClientCertificateOptions {
  /** The header in which proxies tell of it, in lower case. Undefined: none does. */
  readonly header: string | undefined;
  readonly isTrustedProxy: IsTrustedProxy;
  readonly now: () => Date;
}

export type ClientCertificateOf = (request: IncomingMessage) => ClientCertificate | undefined;

/** Characters of a header: no certificate that a client is known by is near it. */
const LONGEST = 16_384;

/**
 * The certificate whose key the client has proven to hold: told by a proxy of ours, or by TLS itself. Undefined
 * where there is none, where it is no certificate, or where it is not valid at this moment.
 *
 * A proxy verifies the chain before it tells (docs/operations.md); on a connection of our own OpenSSL has.
 */
export const createClientCertificate = ({
  header,
  isTrustedProxy,
  now,
}: ClientCertificateOptions): ClientCertificateOf => {
  const ofConnections = new WeakMap<object, ReadCertificate | undefined>();

  const ofConnection = (socket: TLSSocket): ReadCertificate | undefined => {
    if (!ofConnections.has(socket)) {
      const raw = socket.getPeerX509Certificate?.()?.raw;
      ofConnections.set(socket, raw && readCertificate(raw));
    }
    return ofConnections.get(socket);
  };

  return (request) => {
    const { socket, headersDistinct } = request;
    // A proxy speaks for others: a certificate of its own is nobody's who comes through it.
    if (header !== undefined && isTrustedProxy(socket.remoteAddress ?? '')) {
      return inForce(readHeader(headersDistinct[header]), true, now());
    }
    if (!isTls(socket)) return undefined;
    return inForce(ofConnection(socket), socket.authorized, now());
  };
};

const isTls = (socket: object): socket is TLSSocket => 'encrypted' in socket;

/** By the ledger's clock (law 8): a TLS session may have begun while the certificate was still valid. */
const inForce = (
  certificate: ReadCertificate | undefined,
  authorized: boolean,
  now: Date,
): ClientCertificate | undefined => {
  if (!certificate) return undefined;
  const { notBefore, notAfter, ...known } = certificate;
  return notBefore <= now && now <= notAfter ? { ...known, authorized } : undefined;
};

/** Told twice, it means nothing for certain: one of them may be the client's own. */
const readHeader = ([value, ...others]: readonly string[] = []): ReadCertificate | undefined => {
  if (value === undefined || others.length > 0 || value.length > LONGEST) return undefined;
  const base64 = readByteSequence(value) ?? readEscapedPem(value);
  if (base64 === undefined) return undefined;
  const der = Buffer.from(base64, 'base64');
  return der.toString('base64') === base64 ? readCertificate(der) : undefined;
};

/** RFC 9440 §2.2, RFC 8941 §3.3.5: base64 between colons. */
const readByteSequence = (value: string): string | undefined =>
  /^:([A-Za-z0-9+/]+={0,2}):$/.exec(value)?.[1];

/** As nginx (`$ssl_client_escaped_cert`) and Envoy (`%DOWNSTREAM_PEER_CERT%`) write it: PEM, percent-encoded. */
const readEscapedPem = (value: string): string | undefined => {
  try {
    return PEM.exec(decodeURIComponent(value))?.[1]?.replaceAll(/[\r\n]/g, '');
  } catch {
    return undefined;
  }
};

/** RFC 7468 §5.1: one certificate, and nothing around it. */
const PEM =
  /^-----BEGIN CERTIFICATE-----\r?\n([A-Za-z0-9+/=\r\n]+)-----END CERTIFICATE-----[\r\n]*$/;
