import type { KeyObject } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { DPOP_ALGORITHMS } from '../protocol/dpop.ts';
import { importPublicJwk, type PublicJwk, readPublicJwk } from './jwk.ts';
import { type DecodedJwt, decodeJwt, type JsonObject, keyTypeFor, verifySignature } from './jwt.ts';

/** Why a proof is refused: `message` is detail, for log and audit only. */
export class ProofFault extends Error {
  override readonly name = 'ProofFault';
}

/** A proof whose signature is proven. What its claims say is not judged yet. */
export interface SignedProof {
  /** RFC 7638 thumbprint of the key that signed it. */
  readonly jkt: string;
  readonly claims: JsonObject;
}

/** Characters: an 8192-bit RSA key and its signature fit. */
const LONGEST_PROOF = 8 * 1024;
/** About 10 MB. Clients sign many proofs with one key; importing it anew costs 35 µs. */
const REMEMBERED_KEYS = 4096;

const oneHeader = (header: string | readonly string[] | undefined): string => {
  const [value, ...others] = [header ?? []].flat();
  // RFC 9449 §4.3 step 1. Node joins repeated headers with a comma, which no JWS contains.
  if (value === undefined || others.length > 0) throw new ProofFault('not exactly one DPoP header');
  if (value.length > LONGEST_PROOF) throw new ProofFault('proof is too long');
  return value;
};

const decode = (value: string): DecodedJwt => {
  const jwt = decodeJwt(value);
  if (!jwt) throw new ProofFault('not a JWS in compact form');
  return jwt;
};

/** RFC 9449 §4.3, steps 4, 5 and 7 */
const algorithmOf = ({ typ, alg, crit }: JsonObject): string => {
  if (typ !== 'dpop+jwt') throw new ProofFault('typ');
  if (crit !== undefined) throw new ProofFault('crit');
  const algorithm = DPOP_ALGORITHMS.find((accepted) => accepted === alg);
  if (!algorithm) throw new ProofFault('alg');
  return algorithm;
};

/** The key comes from `jwk` alone; `kid`, `x5c` and `jku` are never read. */
const publicJwkOf = (header: JsonObject, alg: string): PublicJwk => {
  const jwk = readPublicJwk(header.jwk);
  if (!jwk) throw new ProofFault('jwk is not a public key we accept');
  if (jwk.type !== keyTypeFor(alg)) throw new ProofFault('jwk is not a key for alg');
  return jwk;
};

/** Reads proofs and checks their signatures, remembering keys by thumbprint. */
export const createProofReader = () => {
  const keys = new LRUCache<string, KeyObject>({ max: REMEMBERED_KEYS });

  const keyOf = (jwk: PublicJwk): KeyObject => {
    const remembered = keys.get(jwk.thumbprint);
    if (remembered) return remembered;
    const key = importPublicJwk(jwk);
    if (!key) throw new ProofFault('jwk cannot be used');
    keys.set(jwk.thumbprint, key);
    return key;
  };

  /** @throws {ProofFault} */
  return (header: string | readonly string[] | undefined): SignedProof => {
    const jwt = decode(oneHeader(header));
    const alg = algorithmOf(jwt.header);
    const jwk = publicJwkOf(jwt.header, alg);
    if (!verifySignature(alg, keyOf(jwk), jwt.signingInput, jwt.signature)) {
      throw new ProofFault('signature');
    }
    return { jkt: jwk.thumbprint, claims: jwt.payload };
  };
};
