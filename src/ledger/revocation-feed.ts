import type { LockTarget } from './records.ts';

/**
 * Revocation feed: what has been taken back, in which order? One instance's own reading of it, which nobody may
 * believe but while it is proven fresh. It keeps how far it has read and no lock: whether something is dead, the
 * database is asked.
 */
export interface RevocationFeed {
  /**
   * The newest event that was read.
   *
   * @throws {OAuthError} `temporarily_unavailable` unless the database confirmed it within three seconds
   */
  position(): number;
  /** Asks the database, after whatever was committed before the call. Answers the position then. */
  confirm(): Promise<number>;
  /** Events after a position, in order; from the database. */
  after(position: number, limit: number): Promise<readonly RevocationEvent[]>;
  /** Calls `listener` with events as they are read, in order and none twice, until the answer is called. */
  subscribe(listener: (events: readonly RevocationEvent[]) => void): () => void;
}

/**
 * A revocation, or the lifting of its block, as one tenant is told of it: one event for each tenant that it
 * reaches. Positions have no gaps and follow the order of commits.
 */
export interface RevocationEvent {
  readonly position: number;
  readonly revocationId: string;
  readonly target: LockTarget;
  readonly tenantId: string;
  readonly block: boolean;
  readonly effectiveAt: Date;
  readonly lifted: boolean;
}
