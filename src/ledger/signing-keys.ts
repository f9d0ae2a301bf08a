import type { JsonWebKey } from 'node:crypto';
import type { SigningAlgorithm } from '../protocol/signing-algorithm.ts';
import type { Holder } from './ledger.ts';
import type { AuditRecord } from './records.ts';

/**
 * `next` is published and does not sign yet, `active` signs, `retiring` stays published until what it signed
 * has expired; `retired` and `revoked` are published no more, and their private half is gone.
 */
export type KeyState = 'next' | 'active' | 'retiring' | 'retired' | 'revoked';

/** A signing key as it is kept: the private half sealed, or with someone else, never in clear. */
export interface SigningKeyRecord {
  readonly kid: string;
  readonly alg: SigningAlgorithm;
  readonly publicJwk: JsonWebKey;
  /** Who can open `sealed`: `local`, or the external signer that keeps the private half. */
  readonly custody: string;
  /** Empty once the key is retired or revoked. */
  readonly sealed: Buffer;
  readonly state: KeyState;
  readonly createdAt: Date;
  readonly activeAt?: Date | undefined;
  readonly retiringAt?: Date | undefined;
  /** Of a retiring key: when the last token it may have signed has expired. */
  readonly publishUntil?: Date | undefined;
  readonly retiredAt?: Date | undefined;
  readonly revokedAt?: Date | undefined;
  /** Of a next key: someone wants it to sign as soon as it has been published long enough. */
  readonly rotationAskedAt?: Date | undefined;
  /** A revocation names it, whatever its state says yet. */
  readonly locked: boolean;
}

export type NewSigningKey = Pick<
  SigningKeyRecord,
  'kid' | 'alg' | 'publicJwk' | 'custody' | 'sealed'
> & { readonly state: 'next' | 'active' };

export interface KeyMove {
  readonly kid: string;
  readonly from: KeyState;
  readonly to: 'active' | 'retiring' | 'retired' | 'revoked';
  /** For `retiring`. */
  readonly publishUntil?: Date | undefined;
}

/** Moves and additions that happen together or not at all. */
export interface KeyStep {
  readonly at: Date;
  readonly moves: readonly KeyMove[];
  readonly adds: readonly NewSigningKey[];
  /** Absent for what a broker does of its own accord. */
  readonly holder?: Holder | undefined;
  readonly audit: readonly AuditRecord[];
}

export interface SigningKeys {
  /** What is published or about to be: the active ones first, then `next`, then `retiring`. */
  live(): Promise<readonly SigningKeyRecord[]>;
  /** All of them, newest first. */
  list(): Promise<readonly SigningKeyRecord[]>;
  /** False, and nothing has changed, where another got there first: a key was not in `from`, or a place was taken. */
  step(step: KeyStep): Promise<boolean>;
  /** Marks a next key as wanted. False where it is not next any more, or was marked before. */
  askRotation(
    kid: string,
    asked: Pick<KeyStep, 'at' | 'holder'> & { readonly audit: AuditRecord },
  ): Promise<boolean>;
  /** Seals a key anew. False where it has changed meanwhile. */
  reseal(kid: string, before: Buffer, after: Buffer): Promise<boolean>;
}
