import { constants, type KeyObject, sign, verify } from 'node:crypto';
import { decodeBase64url } from '../protocol/base64url.ts';
import { derToJose, type EcdsaCurve, joseToDer } from '../protocol/ecdsa.ts';
import type { KeyType } from './jwk.ts';

export type JsonObject = Readonly<Record<string, unknown>>;

/** A JWS in compact form, taken apart. Nothing in it is proven. */
export interface DecodedJwt {
  readonly header: JsonObject;
  readonly payload: JsonObject;
  /** `header.payload`, as sent: what the signature is over. */
  readonly signingInput: string;
  readonly signature: Buffer;
}

interface Algorithm {
  readonly keyType: KeyType;
  readonly digest: string | null;
  readonly curve?: EcdsaCurve;
  readonly isPss?: true;
}

/**
 * The signatures we accept, and nothing that is not here: no `none`, and no HMAC, whose key would
 * be our peer's public one (RFC 8725 §3.1). A map, so that `__proto__` is not an algorithm.
 */
const ALGORITHMS: ReadonlyMap<string, Algorithm> = new Map<string, Algorithm>([
  ['ES256', { keyType: 'P-256', digest: 'sha256', curve: 'P-256' }],
  ['ES384', { keyType: 'P-384', digest: 'sha384', curve: 'P-384' }],
  ['EdDSA', { keyType: 'Ed25519', digest: null }],
  ['Ed25519', { keyType: 'Ed25519', digest: null }], // RFC 9864 §2.2: the same, by its own name
  ['RS256', { keyType: 'RSA', digest: 'sha256' }],
  ['PS256', { keyType: 'RSA', digest: 'sha256', isPss: true }],
]);

/** The only type of key `alg` may be used with (RFC 8725 §3.1); undefined for an algorithm we do not accept. */
export const keyTypeFor = (alg: string): KeyType | undefined => ALGORITHMS.get(alg)?.keyType;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The JSON object in `bytes`; undefined for any other value, for what is not JSON, and for bad UTF-8. */
export const parseJsonObject = (bytes: Buffer): JsonObject | undefined => {
  try {
    const value: unknown = JSON.parse(utf8.decode(bytes));
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as JsonObject)
      : undefined;
  } catch {
    return undefined;
  }
};

/**
 * Takes a JWS apart: exactly three parts, each canonical base64url, the first two JSON objects
 * (RFC 7515 §5.2). Undefined for anything else. The caller limits the length beforehand.
 *
 * @param known what the first part says, where that very text was decoded before.
 */
export const decodeJwt = (token: string, known?: JsonObject): DecodedJwt | undefined => {
  const parts = token.split('.', 4);
  const [first = '', second = '', third = ''] = parts;
  const header = known ?? decodeObject(first);
  const payload = decodeObject(second);
  const signature = decodeBase64url(third);
  if (parts.length !== 3 || !header || !payload || !signature) return undefined;

  return { header, payload, signingInput: token.slice(0, token.lastIndexOf('.')), signature };
};

const decodeObject = (part: string): JsonObject | undefined => {
  const bytes = decodeBase64url(part);
  return bytes && parseJsonObject(bytes);
};

/**
 * Did `key` sign `signingInput` with `alg`? Synchronous: the thread pool costs more than it saves.
 *
 * False, never an exception, for an algorithm we do not accept, one that is not the key's, an ECDSA
 * signature in another form than RFC 7518 §3.4 has it, and RSA below 2048 bits when read as a JWK.
 */
export const verifySignature = (
  alg: string,
  key: KeyObject,
  signingInput: string,
  signature: Buffer,
): boolean => {
  const algorithm = ALGORITHMS.get(alg);
  if (!algorithm || typeOfKey(key) !== algorithm.keyType) return false;
  const { digest, curve, isPss } = algorithm;
  try {
    const raw = curve ? joseToDer(signature, curve) : signature;
    return verify(digest, Buffer.from(signingInput), isPss ? withPss(key) : key, raw);
  } catch {
    return false;
  }
};

/** RFC 7518 §3.5: the salt is as long as the digest. Without it, `node:crypto` takes PKCS #1 v1.5 (RS256). */
const withPss = (key: KeyObject) => ({
  key,
  padding: constants.RSA_PKCS1_PSS_PADDING,
  saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
});

const CURVES: ReadonlyMap<string | undefined, KeyType> = new Map([
  ['prime256v1', 'P-256'],
  ['secp384r1', 'P-384'],
] as const);

const types = new WeakMap<KeyObject, { readonly type: KeyType | undefined }>();

/** Remembered: what a key is does not change, and asking OpenSSL costs more than a look. */
const typeOfKey = (key: KeyObject): KeyType | undefined => {
  const known = types.get(key) ?? { type: readType(key) };
  types.set(key, known);
  return known.type;
};

const readType = (key: KeyObject): KeyType | undefined => {
  if (key.type !== 'public') return undefined;
  switch (key.asymmetricKeyType) {
    case 'rsa':
      return 'RSA';
    case 'ed25519':
      return 'Ed25519';
    case 'ec':
      return CURVES.get(key.asymmetricKeyDetails?.namedCurve);
    default:
      return undefined;
  }
};

/** The ES256 signature of `signingInput`, base64url: DER and its conversion, half the cost of JOSE's own form. */
export const signEs256 = (key: KeyObject, signingInput: string): string =>
  derToJose(sign('sha256', Buffer.from(signingInput), key)).toString('base64url');
