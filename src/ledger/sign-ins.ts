import type { Issuance } from './ledger.ts';

/**
 * Sign-ins that are no token's root, for they are an actor's: which keys they are tied to, and whose they are.
 * `Issuances` writes it of the others.
 */
export interface SignIns {
  /**
   * The key an ID token is tied to: the first it ever came with, `thumbprint` where it came with none before.
   * One atomic insert. Undefined where it is tied to none.
   */
  tie(signIn: {
    readonly tokenHash: string;
    readonly thumbprint: string | undefined;
    readonly expiresAt: Date;
  }): Promise<string | undefined>;
  /** Writes down somebody met for the first time, perhaps: who is written down nowhere cannot be revoked. */
  meet(person: NonNullable<Issuance['person']>, at: Date): Promise<void>;
}
