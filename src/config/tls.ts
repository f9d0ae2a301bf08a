import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { EnvironmentVariable } from './environment.ts';
import type { Problem } from './problem.ts';

/** What the broker shows of itself where it speaks TLS, and whom it believes. PEM. */
export interface TlsConfig {
  readonly certificate: string;
  readonly key: string;
  /** Absent: clients are asked for no certificate. */
  readonly clientCa?: string;
}

type TlsVariable = Extract<EnvironmentVariable, `TLS_${string}`>;
type Values = Partial<Record<EnvironmentVariable, string>>;

const problem = (path: TlsVariable, rule: string, message: string, remedy: string): Problem => ({
  path,
  rule,
  message,
  remedy,
});

/** @returns undefined where the broker speaks plain http, or where what it was given is no use: then `problems` says why. */
export const readTls = (values: Values, problems: Problem[]): TlsConfig | undefined => {
  const { TLS_CERTIFICATE: certificate, TLS_KEY: key, TLS_CLIENT_CA: clientCa } = values;
  const found = [
    ...together(values),
    ...mustBeCertificates('TLS_CERTIFICATE', certificate),
    ...mustBeCertificates('TLS_CLIENT_CA', clientCa),
    ...mustBeItsKey(certificate, key),
  ];
  problems.push(...found);
  if (found.length > 0 || certificate === undefined || key === undefined) return undefined;
  return { certificate, key, ...(clientCa === undefined ? {} : { clientCa }) };
};

const together = (values: Values): Problem[] => {
  const wanted: readonly TlsVariable[] = ['TLS_CERTIFICATE', 'TLS_KEY'];
  const isWanted = [...wanted, 'TLS_CLIENT_CA' as const].some((name) => values[name] !== undefined);
  if (!isWanted) return [];
  return wanted
    .filter((name) => values[name] === undefined)
    .map((name) =>
      problem(
        name,
        'together',
        'is missing: TLS takes a certificate and its key',
        `set ${name}, or ${name}_FILE; or leave all of TLS_* out where a proxy speaks TLS`,
      ),
    );
};

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

const mustBeCertificates = (path: TlsVariable, pem: string | undefined): Problem[] => {
  if (pem === undefined) return [];
  const certificates = pem.match(CERTIFICATE) ?? [];
  if (certificates.length > 0 && certificates.every(isCertificate)) return [];
  return [problem(path, 'pem', 'must be certificates in PEM', 'give the file as your CA wrote it')];
};

const isCertificate = (pem: string): boolean => {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false;
  }
};

const mustBeItsKey = (certificate: string | undefined, key: string | undefined): Problem[] => {
  if (certificate === undefined || key === undefined || !isCertificate(certificate)) return [];
  try {
    if (new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key))) return [];
  } catch {
    // Reads like any other key that is not this one: what is wrong with it is nobody's to see in a log.
  }
  return [
    problem(
      'TLS_KEY',
      'key_of_certificate',
      'is not the private key of TLS_CERTIFICATE',
      'give the unencrypted key, in PEM, that the certificate was made for',
    ),
  ];
};
