import type { Reservation } from './records.ts';

/** Limits that are taken from: all of them or none. */
export interface Quotas {
  /**
   * Takes all of these in one statement, or nothing.
   *
   * @returns what there is not enough of; empty where all was taken.
   */
  take(claims: readonly QuotaClaim[], now: Date): Promise<readonly Shortage[]>;
  /** Gives back what was taken at `takenAt` for something that is not on record and holds nothing. */
  refund(claims: readonly QuotaClaim[], takenAt: Date): Promise<void>;
  /**
   * Gives back what an upload took that is not on record. One that is, although its commit was unknown, keeps it: then
   * the step that settles it decides.
   */
  forgo(objectId: string): Promise<void>;
}

/** An amount in a sliding window; or, where that is of 0 s, one of those that are held at once. Each counter once. */
export interface QuotaClaim extends Reservation {
  readonly limit: number;
  /** For whom it is taken: what comes of it decides whether it is given back. */
  readonly hold?: {
    readonly objectId: string;
    /** Until then it counts although no object is on record; whatever is not on record afterwards never will be. */
    readonly until: Date;
  };
}

export interface Shortage {
  readonly claim: QuotaClaim;
  /** Seconds until it would fit, if nothing else is taken meanwhile. */
  readonly retryAfter: number;
}
