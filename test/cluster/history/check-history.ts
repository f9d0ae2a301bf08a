import { checkLiveness } from './check-liveness.ts';
import { checkRecord } from './check-record.ts';
import type { Kept, Operation, Violation } from './history.ts';

/** What is wrong with a history, given what the database holds when it is over. Empty where nothing is. */
export const checkHistory = (history: readonly Operation[], kept: Kept): readonly Violation[] => [
  ...checkLiveness(history),
  ...checkRecord(history, kept),
];
