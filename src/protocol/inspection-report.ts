import type { Violation } from './oauth-error.ts';

/** What is looked at, in the order it is looked at. `inspection` is all of it: where it could not even begin. */
export type InspectionCheck =
  | 'inspection'
  | 'size'
  | 'type'
  | 'checksum'
  | 'antivirus'
  | 'polyglot'
  | 'image'
  | 'archive'
  | 'schema';

/** `waiting`: it could not be done yet. `skipped`: nothing here can look into such a file; nothing was promised. */
export type CheckOutcome = 'passed' | 'failed' | 'waiting' | 'skipped';

export interface Checked {
  readonly check: InspectionCheck;
  readonly outcome: CheckOutcome;
  /** For whoever uploaded the file; never a part of its content beyond a name. */
  readonly detail?: string;
}

/** What an inspection found, for the uploader to read. A check that is not listed was not asked for, or not reached. */
export interface InspectionReport {
  readonly checks: readonly Checked[];
  readonly violations: readonly Violation[];
  /** RFC 3339, UTC. */
  readonly inspectedAt: string;
}
