import { createHash, generateKeyPairSync, randomUUID, sign } from 'node:crypto';

/** A key that never leaves its app; what leaves are proofs of holding it, one for each request. */
export interface ProofKey {
  /** A proof for one request (RFC 9449 §4.2). */
  prove(request: {
    readonly method: string;
    readonly url: string;
    readonly nonce: string | undefined;
    /** Where the request presents one: the proof is then for this token only (`ath`). */
    readonly accessToken?: string | undefined;
  }): string;
}

const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url');

export const createProofKey = (): ProofKey => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { crv, kty, x, y } = publicKey.export({ format: 'jwk' });
  const header = encode({ typ: 'dpop+jwt', alg: 'ES256', jwk: { crv, kty, x, y } });
  return {
    prove: ({ method, url, nonce, accessToken }) => {
      const ath = accessToken && createHash('sha256').update(accessToken).digest('base64url');
      const [htu] = url.split('?'); // RFC 9449 §4.2: without query and fragment
      const iat = Math.floor(Date.now() / 1000);
      const payload = encode({ jti: randomUUID(), htm: method, htu, iat, nonce, ath });
      const signed = `${header}.${payload}`;
      const key = { key: privateKey, dsaEncoding: 'ieee-p1363' } as const;
      return `${signed}.${sign('sha256', Buffer.from(signed), key).toString('base64url')}`;
    },
  };
};
