import type { InspectionReport } from '../protocol/inspection-report.ts';
import type { ObjectRecord, ObjectStatus } from './records.ts';

/** Placements: who has an upload in hand, and where do the bytes lie of those that are settled? */
export interface Placements {
  /** Keeps those of them that are being validated with whoever leased them. */
  renew(objectIds: readonly string[], leaseUntil: Date): Promise<void>;
  /** What is being validated has to wait: not leased before `until`. Nothing where it has moved on. */
  postpone(objectId: string, until: Date, report: InspectionReport): Promise<void>;
  /**
   * Takes settled objects whose bytes may not lie where their status wants them, each leased: up to `limit` of the
   * withheld that are not apart, the released that still are, and what was rejected long ago; and as many of the deleted
   * whose bytes are not known to be gone.
   */
  misplaced(
    now: Date,
    leaseUntil: Date,
    rejectedBefore: Date,
    limit: number,
  ): Promise<readonly ObjectRecord[]>;
  /** How many uploads have not come to an end, by status, and how long the oldest of each has been under way. */
  underWay(now: Date): Promise<readonly UnderWay[]>;
  /** Which of these staging keys nothing is awaited under. */
  strays(stagingKeys: readonly string[]): Promise<readonly Stray[]>;
  /** Writes down where the bytes of an object lie that still has this status. */
  placed(objectId: string, status: ObjectStatus, where: Whereabouts): Promise<void>;
}

export interface UnderWay {
  readonly status: 'pending' | 'uploaded' | 'validating';
  readonly uploads: number;
  /** Seconds since it was asked for; 0 where there is none. */
  readonly oldest: number;
}

export interface Stray {
  readonly stagingKey: string;
  /** Its upload was settled and its bytes taken away: these came later. Else it is the key of no upload of ours. */
  readonly isLate: boolean;
}

/**
 * `apart` under the quarantine key, `at_home` under the final one only, `at_home_too` under both, `nowhere` any more;
 * `not_at_home` under the final key, which is nowhere unless they are apart as well, and then says nothing;
 * `on_their_way` to the final key, and to be looked for again where they have not arrived `until` then.
 */
export type Whereabouts =
  | { readonly bytes: 'apart' | 'nowhere' | 'not_at_home'; readonly since: Date }
  | { readonly bytes: 'at_home' | 'at_home_too'; readonly revision: string }
  | { readonly bytes: 'on_their_way'; readonly until: Date };

export interface ObjectFilter {
  readonly tenantId?: string | undefined;
  readonly bucketId?: string | undefined;
  readonly appId?: string | undefined;
  readonly userId?: string | undefined;
  readonly status?: ObjectStatus | undefined;
}
