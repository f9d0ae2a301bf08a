import type { KeyObject } from 'node:crypto';
import { importPublicJwk, readPublicJwk } from './jwk.ts';
import { keyTypeFor, parseJsonObject } from './jwt.ts';

/** One usable key of an issuer. */
export interface IssuerKey {
  readonly kid: string | undefined;
  /** The algorithm the issuer ties the key to, if it does. */
  readonly alg: string | undefined;
  readonly type: string;
  readonly key: KeyObject;
}

/** A key set this large is an attack or a mistake; importing each key costs 35 µs. */
const MOST_KEYS = 100;

const isText = (value: unknown): value is string | undefined =>
  value === undefined || typeof value === 'string';

/** RFC 7517 §4.2, §4.3: absent, or for signatures. */
const isForSignatures = ({ use, key_ops }: Record<string, unknown>): boolean =>
  (use === undefined || use === 'sig') &&
  (key_ops === undefined || (Array.isArray(key_ops) && key_ops.includes('verify')));

/** Keys for encryption, symmetric and private ones, and those we cannot read are passed over (RFC 7517 §5). */
const readKey = (value: unknown): IssuerKey[] => {
  const jwk = readPublicJwk(value);
  if (!jwk) return [];
  const members = value as Record<string, unknown>;
  const { kid, alg } = members;
  if (!isText(kid) || !isText(alg) || !isForSignatures(members)) return [];
  const key = importPublicJwk(jwk);
  return key ? [{ kid, alg, type: jwk.type, key }] : [];
};

const hasAmbiguousKid = (keys: readonly IssuerKey[]): boolean => {
  const named = keys.filter(({ kid }) => kid !== undefined);
  const names = new Set(named.map(({ kid, key }) => JSON.stringify([kid, key.asymmetricKeyType])));
  return names.size < named.length;
};

/**
 * The usable keys of a JWK Set.
 *
 * One `kid` for two keys of the same `kty` refuses the whole set: we would have to guess, and RFC 7517
 * §4.5 has them distinct.
 *
 * @throws {Error} when it is malformed, ambiguous, too large, or without a usable key; the caller
 *   then keeps what it had.
 */
export const readKeySet = (body: Buffer): readonly IssuerKey[] => {
  const entries = parseJsonObject(body)?.keys;
  if (!Array.isArray(entries) || entries.length > MOST_KEYS) throw new Error('not a JWK Set');
  const keys = entries.flatMap(readKey);
  if (keys.length === 0) throw new Error('JWK Set without a usable key');
  if (hasAmbiguousKid(keys)) throw new Error('JWK Set with one kid for two keys');
  return keys;
};

/** The one key that `kid` names and that fits `alg`; without `kid`, the only key that fits. */
export const pickKey = (
  keys: readonly IssuerKey[],
  alg: string,
  kid: string | undefined,
): KeyObject | undefined => {
  const type = keyTypeFor(alg);
  const [only, ...others] = keys.filter(
    (key) =>
      key.type === type &&
      (key.alg === undefined || key.alg === alg) &&
      (kid === undefined || key.kid === kid),
  );
  return others.length === 0 ? only?.key : undefined;
};
