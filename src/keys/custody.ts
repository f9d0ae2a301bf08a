import type { SigningAlgorithm } from '../protocol/signing-algorithm.ts';
import type { PublicJwk } from './algorithm.ts';
import type { Signer } from './signer.ts';

/** A signing key, as far as whoever opens it needs to know it. */
export interface KeptKey {
  readonly kid: string;
  readonly alg: SigningAlgorithm;
  /** The private half, sealed; or where it is. */
  readonly sealed: Buffer;
}

export interface MadeKey extends KeptKey {
  readonly publicJwk: PublicJwk;
  /** The name of the custody that can open it. */
  readonly custody: string;
}

/** Who keeps private halves: ourselves, sealed in the database, or an external signer such as a KMS. */
export interface Custody {
  /** Written down with each key. */
  readonly name: string;
  /** @throws Error where the signer cannot be reached, or does not know the algorithm. */
  make(alg: SigningAlgorithm): Promise<MadeKey>;
  /** @throws Error naming the remedy where it cannot be opened. */
  open(key: KeptKey): Signer;
  /** The key signs no more. What the database keeps is erased there; an external signer is told. */
  discard?(key: KeptKey): Promise<void>;
}
