import { Buffer } from 'node:buffer';
import { createHmac, createSecretKey, timingSafeEqual } from 'node:crypto';
import { encode, encodeKey } from '../percent.ts';

/**
 * Signed URLs of the local store. The signature covers the method and the request target byte for byte
 * (bucket, key and every parameter), so nothing is parsed before it is known to be ours. It does not
 * cover scheme, host and mount path: those are where the gateway happens to be.
 */
export interface TargetSigner {
  /** `/bucket/key?…&signature=…`; parameters that are undefined are left out. */
  sign(
    method: Method,
    key: string,
    parameters: Readonly<Record<string, string | undefined>>,
  ): string;
  /** Undefined when the target was not signed for this method with this secret. */
  verify(method: string, target: string): VerifiedTarget | undefined;
}

export type Method = 'GET' | 'PUT';

export interface VerifiedTarget {
  readonly key: string;
  readonly parameters: URLSearchParams;
}

/** Keeps this use of the secret apart from any other. */
const CONTEXT = 'daypass local object store 1';
const LEAST_SECRET = 32;
const SIGNATURE = '&signature=';

/** @throws RangeError when `secret` is shorter than 32 bytes. */
export const createTargetSigner = (bucket: string, secret: Buffer): TargetSigner => {
  if (secret.length < LEAST_SECRET)
    throw new RangeError(`the local store's secret must have ${LEAST_SECRET} bytes or more`);
  const hmacKey = createSecretKey(secret);
  const root = `/${encode(bucket)}/`;

  const signatureOf = (method: string, target: string): string =>
    createHmac('sha256', hmacKey).update(`${CONTEXT}\n${method}\n${target}`).digest('base64url');

  /** Compared as text, so that one signature has one spelling; in constant time. */
  const isSignature = (given: string, expected: string): boolean => {
    const [a, b] = [Buffer.from(given), Buffer.from(expected)];
    return a.length === b.length && timingSafeEqual(a, b);
  };

  return {
    sign: (method, key, parameters) => {
      const query = Object.entries(parameters)
        .flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${encode(value)}`]))
        .join('&');
      const target = `${root}${encodeKey(key)}?${query}`;
      return `${target}${SIGNATURE}${signatureOf(method, target)}`;
    },

    verify: (method, target) => {
      const end = target.lastIndexOf(SIGNATURE);
      if (end === -1) return undefined;
      const signed = target.slice(0, end);
      const given = target.slice(end + SIGNATURE.length);
      if (!isSignature(given, signatureOf(method, signed))) return undefined;
      // Ours from here on: it has the shape `sign` gave it, except that another bucket may share the secret.
      if (!signed.startsWith(root)) return undefined;
      const mark = signed.indexOf('?');
      return {
        key: decodeURIComponent(signed.slice(root.length, mark)),
        parameters: new URLSearchParams(signed.slice(mark + 1)),
      };
    },
  };
};
