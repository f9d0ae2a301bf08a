import type { Checked } from '../../protocol/inspection-report.ts';
import type { Violation } from '../../protocol/oauth-error.ts';

/** One file to look into. It crosses a process boundary, so it is plain data. */
export interface Job {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** By its common name. */
  readonly contentType: string;
  /** Whether the bytes must be what the content type says, and nothing besides. */
  readonly structure: boolean;
  /** JSON Schema for tables and documents of this type. */
  readonly schema?: object;
}

/** What was found, check by check; all of them, or up to the first that failed. */
export interface Findings {
  readonly checks: readonly Checked[];
  readonly violations: readonly Violation[];
}

/** Violations a report names at most: enough to see what is wrong, and no way to fill our tables. */
export const MOST_VIOLATIONS = 20;

export const violation = (
  field: string,
  rule: string,
  message: string,
  remedy: string,
): Violation => ({ field, rule, message, remedy });
