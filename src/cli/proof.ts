import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  hash,
  type KeyObject,
  randomUUID,
  sign,
} from 'node:crypto';

/** What a proof is for. */
export interface ProofRequest {
  readonly method: string;
  /** Without query (RFC 9449 §4.2 `htu`). */
  readonly url: string;
  readonly nonce: string | undefined;
  /** The token the request presents as a `DPoP` credential. */
  readonly accessToken: string | undefined;
  readonly now: Date;
}

/** Signs DPoP proofs with one key (RFC 9449 §4.2, ES256). */
export type Prover = (request: ProofRequest) => string;

export const newKey = (): KeyObject =>
  generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;

/** @throws Error for what is no P-256 private key in PEM */
export const readKey = (pem: string): KeyObject => {
  const key = createPrivateKey(pem);
  if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') throw new Error('not a P-256 key');
  return key;
};

export const writeKey = (key: KeyObject): string =>
  key.export({ type: 'pkcs8', format: 'pem' }).toString();

export const createProver = (key: KeyObject): Prover => {
  const { kty, crv, x, y } = createPublicKey(key).export({ format: 'jwk' });
  const header = encode({ typ: 'dpop+jwt', alg: 'ES256', jwk: { kty, crv, x, y } });
  return ({ method, url, nonce, accessToken, now }) => {
    const claims = encode({
      jti: randomUUID(),
      htm: method,
      htu: url,
      iat: Math.floor(now.getTime() / 1000),
      ...(nonce !== undefined && { nonce }),
      ...(accessToken !== undefined && { ath: hash('sha256', accessToken, 'base64url') }),
    });
    const input = `${header}.${claims}`;
    const signature = sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' });
    return `${input}.${signature.toString('base64url')}`;
  };
};

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
