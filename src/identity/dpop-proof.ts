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
  readonly alg: string;
  readonly claims: JsonObject;
}

/** Characters: an 8192-bit RSA key and its signature fit. */
const LONGEST_PROOF = 8 * 1024;
/** About 10 MB. Clients sign many proofs with one key; importing it anew costs 35 µs. */
const REMEMBERED_KEYS = 4096;
/** Characters: headers of the keys that apps have. What is longer is read anew each time. */
const LONGEST_REMEMBERED_HEADER = 1024;

const oneHeader = (header: string | readonly string[] | undefined): string => {
  const [value, ...others] = [header ?? []].flat();
  // RFC 9449 §4.3 step 1. Node joins repeated headers with a comma, which no JWS contains.
  if (value === undefined || others.length > 0) throw new ProofFault('not exactly one DPoP header');
  if (value.length > LONGEST_PROOF) throw new ProofFault('proof is too long');
  return value;
};

const decode = (value: string, known: JsonObject | undefined): DecodedJwt => {
  const jwt = decodeJwt(value, known);
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

/** What a proof's header comes to: its text alone decides it. */
interface ReadHeader {
  readonly header: JsonObject;
  readonly alg: string;
  readonly jkt: string;
  readonly key: KeyObject;
}

/**
 * Reads proofs and checks their signatures, remembering keys by thumbprint, and headers by their text: a client
 * sends the same one with every proof of a key. A header is remembered once a signature has proven that its
 * sender has the key; every signature is checked.
 */
export const createProofReader = () => {
  const headers = new LRUCache<string, ReadHeader>({ max: REMEMBERED_KEYS });
  const keys = new LRUCache<string, KeyObject>({ max: REMEMBERED_KEYS });

  const keyOf = (jwk: PublicJwk): KeyObject => {
    const remembered = keys.get(jwk.thumbprint);
    if (remembered) return remembered;
    const key = importPublicJwk(jwk);
    if (!key) throw new ProofFault('jwk cannot be used');
    keys.set(jwk.thumbprint, key);
    return key;
  };

  const read = (header: JsonObject): ReadHeader => {
    const alg = algorithmOf(header);
    const jwk = publicJwkOf(header, alg);
    return { header, alg, jkt: jwk.thumbprint, key: keyOf(jwk) };
  };

  /** @throws {ProofFault} */
  return (header: string | readonly string[] | undefined): SignedProof => {
    const value = oneHeader(header);
    const text = value.slice(0, Math.max(0, value.indexOf('.')));
    const remembered = headers.get(text);
    const jwt = decode(value, remembered?.header);
    const found = remembered ?? read(jwt.header);
    if (!verifySignature(found.alg, found.key, jwt.signingInput, jwt.signature)) {
      throw new ProofFault('signature');
    }
    if (!remembered && text.length <= LONGEST_REMEMBERED_HEADER) headers.set(text, found);
    return { jkt: found.jkt, alg: found.alg, claims: jwt.payload };
  };
};
