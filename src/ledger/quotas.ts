import type { Reservation } from './records.ts';

/** Limits that are taken from: all of them or none. */
export interface Quotas {
  /**
   * Takes all of these in one statement, or nothing.
   *
   * @returns what there is not enough of; empty where all was taken.
   */
  take(claims: readonly QuotaClaim[], now: Date): Promise<readonly Shortage[]>;
  /**
   * Gives back what was taken at `takenAt` for something that is not on record. An object that is, although
   * its commit was unknown, keeps what it took.
   */
  refund(claims: readonly QuotaClaim[], takenAt: Date, objectId?: string): Promise<void>;
}

/** An amount in a sliding window; or a hold, which counts while its object is not settled. Each counter once. */
export interface QuotaClaim extends Reservation {
  readonly limit: number;
  readonly hold?: {
    readonly objectId: string;
    /** Until then it counts although no object is on record. */
    readonly until: Date;
  };
}

export interface Shortage {
  readonly claim: QuotaClaim;
  /** Seconds until it would fit, if nothing else is taken meanwhile. */
  readonly retryAfter: number;
}
