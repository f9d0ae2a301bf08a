import type { JsonWebKey } from 'node:crypto';

export type KeyState = 'next' | 'active' | 'retiring' | 'retired' | 'revoked';

/** A signing key as it is kept: the private half sealed, never in clear. */
export interface SigningKeyRecord {
  readonly kid: string;
  readonly alg: 'ES256';
  readonly publicJwk: JsonWebKey;
  readonly sealed: Buffer;
  readonly state: KeyState;
  readonly createdAt: Date;
}

export interface SigningKeys {
  list(): Promise<readonly SigningKeyRecord[]>;
  /** Inserts the first active key; where another instance was quicker, nothing happens. */
  insertFirst(key: SigningKeyRecord): Promise<void>;
}
