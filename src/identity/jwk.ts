import { createPublicKey, hash, type JsonWebKey, type KeyObject } from 'node:crypto';
import { decodeBase64url } from '../protocol/base64url.ts';

/** What a key is, as far as an algorithm cares. */
export type KeyType = 'P-256' | 'P-384' | 'Ed25519' | 'RSA';

/** The required public members of a JWK, read but not yet turned into a key. */
export interface PublicJwk {
  readonly type: KeyType;
  /** RFC 7638, SHA-256, base64url. */
  readonly thumbprint: string;
  readonly members: JsonWebKey;
}

const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];
const COORDINATE_BYTES = { 'P-256': 32, 'P-384': 48, Ed25519: 32 } as const;
const BASE64URL = /^[\w-]+$/;

const RSA_MIN_BITS = 2048; // RFC 7518 §3.3
const RSA_MAX_BITS = 8192; // a longer one costs us more to verify than it protects
const RSA_MAX_EXPONENT = 2n ** 32n; // as does a long exponent, which a caller may choose

const typeOf = ({ kty, crv }: Record<string, unknown>): KeyType | undefined => {
  if (kty === 'RSA') return 'RSA';
  if (kty === 'EC' && (crv === 'P-256' || crv === 'P-384')) return crv;
  if (kty === 'OKP' && crv === 'Ed25519') return crv;
  return undefined;
};

/** The members RFC 7638 §3.2 and RFC 8037 §2 require, in lexicographic order. */
const membersOf = (type: KeyType, jwk: Record<string, unknown>): Record<string, unknown> => {
  if (type === 'RSA') return { e: jwk.e, kty: 'RSA', n: jwk.n };
  if (type === 'Ed25519') return { crv: type, kty: 'OKP', x: jwk.x };
  return { crv: type, kty: 'EC', x: jwk.x, y: jwk.y };
};

/**
 * Reads a public key of a type we verify with; undefined for any other, for a symmetric key, and
 * for one that comes with its private half: whoever shows that to us has shown it to others.
 */
export const readPublicJwk = (jwk: unknown): PublicJwk | undefined => {
  if (typeof jwk !== 'object' || jwk === null) return undefined;
  if (PRIVATE_MEMBERS.some((member) => Object.hasOwn(jwk, member))) return undefined;

  const type = typeOf(jwk as Record<string, unknown>);
  if (!type) return undefined;
  const members = membersOf(type, jwk as Record<string, unknown>);
  const isText = (value: unknown) => typeof value === 'string' && BASE64URL.test(value);
  const { kty, crv, ...numbers } = members;
  if (!Object.values(numbers).every(isText)) return undefined;

  return { type, members, thumbprint: hash('sha256', JSON.stringify(members), 'base64url') };
};

/** Full width for coordinates (RFC 7518 §6.2.1.2), no leading zero for integers (§6.3.1.1). */
const isSpelledCanonically = ({ type, members: { x, y, n, e } }: PublicJwk): boolean =>
  [x, y, n, e].every((text) => {
    if (text === undefined) return true;
    const bytes = decodeBase64url(text);
    if (!bytes) return false;
    return type === 'RSA' ? bytes[0] !== 0 : bytes.length === COORDINATE_BYTES[type];
  });

const isStrong = (key: KeyObject): boolean => {
  if (key.asymmetricKeyType !== 'rsa') return true;
  const { modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {};
  if (modulusLength < RSA_MIN_BITS || modulusLength > RSA_MAX_BITS) return false;
  return publicExponent > 2n && publicExponent < RSA_MAX_EXPONENT && publicExponent % 2n === 1n;
};

/**
 * The key, about 35 µs; undefined when it is off its curve, too weak or too costly, or spelled in
 * other than the canonical way, since a second spelling would be a second thumbprint of one key.
 */
export const importPublicJwk = (jwk: PublicJwk): KeyObject | undefined => {
  if (!isSpelledCanonically(jwk)) return undefined;
  try {
    const key = createPublicKey({ key: jwk.members, format: 'jwk' });
    return isStrong(key) ? key : undefined;
  } catch {
    return undefined;
  }
};
