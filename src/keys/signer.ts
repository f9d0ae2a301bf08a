import { createPrivateKey, generateKeyPairSync, hash, type JsonWebKey, sign } from 'node:crypto';
import { derToJose } from '../protocol/ecdsa.ts';
import { seal, unseal } from './envelope.ts';

/** Keys: who signs, with what? It knows private keys, and nothing of what is signed. */
export interface Signer {
  readonly kid: string;
  /** A JWS in compact form (RFC 7515 §7.1). Synchronous: 25 µs, where a thread pool would cost 60. */
  sign(typ: string, payload: object): string;
}

/** A signing key as the ledger keeps it. */
export interface SealedKey {
  readonly kid: string;
  readonly alg: 'ES256';
  readonly publicJwk: JsonWebKey;
  readonly sealed: Buffer;
  readonly state: 'next' | 'active' | 'retiring' | 'retired' | 'revoked';
  readonly createdAt: Date;
}

export interface KeyRing {
  readonly active: Signer;
  /** What `/jwks` publishes: every key that a live token may be signed with. */
  readonly published: readonly JsonWebKey[];
  /** For the authorization server library, which signs its ID tokens itself. */
  readonly privateJwks: readonly JsonWebKey[];
}

/** A new ES256 key, sealed under `keyEncryptionKey`; its id is its RFC 7638 thumbprint. */
export const createSealedKey = (keyEncryptionKey: Buffer, now: Date): SealedKey => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { crv, kty, x, y } = publicKey.export({ format: 'jwk' });
  const kid = hash('sha256', JSON.stringify({ crv, kty, x, y }), 'base64url');
  return {
    kid,
    alg: 'ES256',
    publicJwk: { kty, crv, x, y, kid, alg: 'ES256', use: 'sig' } as JsonWebKey,
    sealed: seal(privateKey.export({ format: 'der', type: 'pkcs8' }), kid, keyEncryptionKey),
    state: 'active',
    createdAt: now,
  };
};

/**
 * Opens what was sealed.
 *
 * @throws Error naming the remedy when KEY_ENCRYPTION_KEY is not the one the keys were sealed with, or
 *   no key is active.
 */
export const openKeyRing = (keys: readonly SealedKey[], keyEncryptionKey: Buffer): KeyRing => {
  const usable = keys.filter(
    ({ state }) => state === 'next' || state === 'active' || state === 'retiring',
  );
  const active = usable.find(({ state }) => state === 'active');
  if (!active) throw new Error('no signing key is active');
  return {
    active: createSigner(active, keyEncryptionKey),
    published: usable.map(({ publicJwk }) => publicJwk),
    privateJwks: [active].map((key) => ({
      ...open(key, keyEncryptionKey).export({ format: 'jwk' }),
      kid: key.kid,
      alg: key.alg,
      use: 'sig',
    })),
  };
};

const createSigner = (key: SealedKey, keyEncryptionKey: Buffer): Signer => {
  const privateKey = open(key, keyEncryptionKey);
  const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url');
  const headers = new Map<string, string>();
  return {
    kid: key.kid,
    sign: (typ, payload) => {
      const header = headers.get(typ) ?? encode({ alg: key.alg, typ, kid: key.kid });
      headers.set(typ, header);
      const input = `${header}.${encode(payload)}`;
      const der = sign('sha256', Buffer.from(input), privateKey);
      return `${input}.${derToJose(der).toString('base64url')}`;
    },
  };
};

const open = ({ kid, sealed }: SealedKey, keyEncryptionKey: Buffer) => {
  try {
    const key = unseal(sealed, kid, keyEncryptionKey);
    return createPrivateKey({ key, format: 'der', type: 'pkcs8' });
  } catch (cause) {
    throw new Error(
      'a signing key in the database does not open: set KEY_ENCRYPTION_KEY to the one it was sealed with',
      { cause },
    );
  }
};
