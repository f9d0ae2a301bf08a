import { createHash, generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto';

/** A key that makes proofs (RFC 9449 §4.2), as a client would. */
export interface ProofKey {
  readonly jkt: string;
  prove(claims: ProofClaims): string;
}

export interface ProofClaims {
  readonly method: string;
  readonly url: string;
  readonly nonce?: string | undefined;
  readonly accessToken?: string;
  readonly jti?: string;
  readonly iat?: number;
}

const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url');

export const createProofKey = (
  { privateKey, publicKey }: { privateKey: KeyObject; publicKey: KeyObject } = generateKeyPairSync(
    'ec',
    {
      namedCurve: 'P-256',
    },
  ),
): ProofKey => {
  const { crv, kty, x, y } = publicKey.export({ format: 'jwk' });
  const jwk = { crv, kty, x, y };
  return {
    jkt: createHash('sha256').update(JSON.stringify(jwk)).digest('base64url'),
    prove: ({ method, url, nonce, accessToken, jti = randomUUID(), iat }) => {
      const header = encode({ alg: 'ES256', typ: 'dpop+jwt', jwk });
      const payload = encode({
        jti,
        htm: method,
        htu: url,
        iat: iat ?? Math.floor(Date.now() / 1000),
        ...(nonce && { nonce }),
        ...(accessToken && { ath: createHash('sha256').update(accessToken).digest('base64url') }),
      });
      const signature = sign('sha256', Buffer.from(`${header}.${payload}`), {
        key: privateKey,
        dsaEncoding: 'ieee-p1363',
      });
      return `${header}.${payload}.${signature.toString('base64url')}`;
    },
  };
};
