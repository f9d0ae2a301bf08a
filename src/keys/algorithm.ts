import { generateKeyPair, hash, type JsonWebKey, type KeyObject, sign } from 'node:crypto';
import { promisify } from 'node:util';
import { derToJose } from '../protocol/ecdsa.ts';
import type { SigningAlgorithm } from '../protocol/signing-algorithm.ts';

/** A public key as `/jwks` shows it. */
export interface PublicJwk extends JsonWebKey {
  readonly kid: string;
  readonly alg: SigningAlgorithm;
  readonly use: 'sig';
}

interface Algorithm {
  generate(): Promise<{ privateKey: KeyObject; publicKey: KeyObject }>;
  /** The members of a thumbprint, in the order of RFC 7638 §3.2 and RFC 8037 §2. */
  readonly members: readonly (keyof JsonWebKey)[];
  /** In the form of JWS. Synchronous: a thread pool would cost more than most signatures do. */
  sign(input: Buffer, key: KeyObject): Buffer;
}

const generate = promisify(generateKeyPair);

const ALGORITHMS: Readonly<Record<SigningAlgorithm, Algorithm>> = {
  ES256: {
    generate: () => generate('ec', { namedCurve: 'P-256' }),
    members: ['crv', 'kty', 'x', 'y'],
    sign: (input, key) => derToJose(sign('sha256', input, key)),
  },
  EdDSA: {
    generate: () => generate('ed25519'),
    members: ['crv', 'kty', 'x'],
    sign: (input, key) => sign(null, input, key),
  },
  RS256: {
    generate: () => generate('rsa', { modulusLength: 3072 }), // NIST SP 800-57: good beyond 2030
    members: ['e', 'kty', 'n'],
    sign: (input, key) => sign('sha256', input, key),
  },
};

export const generateFor = (alg: SigningAlgorithm) => ALGORITHMS[alg].generate();

export const signWith = (alg: SigningAlgorithm, input: Buffer, key: KeyObject): Buffer =>
  ALGORITHMS[alg].sign(input, key);

/** What is published of a key; its id is its thumbprint (RFC 7638). */
export const publicJwkOf = (publicKey: KeyObject, alg: SigningAlgorithm): PublicJwk => {
  const exported = publicKey.export({ format: 'jwk' });
  const members = ALGORITHMS[alg].members.map((name) => [name, exported[name]]);
  const bare = Object.fromEntries(members) as JsonWebKey;
  return { ...bare, kid: hash('sha256', JSON.stringify(bare), 'base64url'), alg, use: 'sig' };
};
