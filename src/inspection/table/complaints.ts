import type { Violation } from '../../protocol/oauth-error.ts';
import { MOST_VIOLATIONS } from '../workbench/job.ts';

/** What is wrong with a table, up to as much as anybody reads. */
export interface Complaints {
  add(violation: Violation): void;
  isFull(): boolean;
  count(): number;
  all(): readonly Violation[];
}

export const createComplaints = (): Complaints => {
  const violations: Violation[] = [];
  return {
    add: (violation) => {
      if (violations.length < MOST_VIOLATIONS) violations.push(violation);
    },
    isFull: () => violations.length >= MOST_VIOLATIONS,
    count: () => violations.length,
    all: () => violations,
  };
};
