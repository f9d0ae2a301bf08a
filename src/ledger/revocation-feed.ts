import type { LockTarget } from './records.ts';

/**
 * Revocation feed: what has been taken back? One instance's own copy, which nobody may believe but while it
 * is proven fresh. It knows locks, and no token.
 */
export interface RevocationFeed {
  /**
   * The newest event the copy holds.
   *
   * @throws {OAuthError} `temporarily_unavailable` unless the database confirmed it within three seconds
   */
  position(): number;
  /**
   * Whether what has this lineage, and was issued then, has been revoked. Also true of what is older than
   * anything that is still alive: locks are not kept in memory for ever.
   *
   * @throws {OAuthError} as `position`: what cannot be confirmed is not answered
   */
  isRevoked(lineage: readonly LockTarget[], issuedAt: Date): boolean;
  /** Asks the database, after whatever was committed before the call. Answers the position then. */
  confirm(): Promise<number>;
  /** Events after a position, in order; from the database. */
  after(position: number, limit: number): Promise<readonly RevocationEvent[]>;
  /** Calls `listener` whenever there are new events, until the answer is called. */
  subscribe(listener: () => void): () => void;
}

/** A revocation, or the lifting of its block. Positions have no gaps and follow the order of commits. */
export interface RevocationEvent {
  readonly position: number;
  readonly revocationId: string;
  readonly target: LockTarget;
  readonly tenantId: string;
  readonly block: boolean;
  readonly effectiveAt: Date;
  readonly lifted: boolean;
}
