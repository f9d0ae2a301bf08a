import type { Violation } from '../protocol/oauth-error.ts';

/** One thing wrong with what we were told, in the words of whoever wrote it. */
export interface Problem {
  /** Where it stands: a variable's name, or a path such as `apps[0].grants[1].max_ttl`. */
  readonly path: string;
  /** In the file, counted from 1; absent where there is no file (environment, admin API). */
  readonly line?: number;
  readonly rule: string;
  readonly message: string;
  readonly remedy: string;
}

const sentence = ({ path, line, message, remedy }: Problem): string =>
  `  ${line === undefined ? '' : `line ${line}, `}${path}: ${message}\n      ${remedy}`;

const byLine = (a: Problem, b: Problem): number => (a.line ?? 0) - (b.line ?? 0);

/**
 * What we were told cannot be used. `problems` holds all of it, so that nothing is mended one line
 * at a time. Never the value of a variable: it may be a secret.
 */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
  /** In the order of the file. */
  readonly problems: readonly Problem[];

  /** @param source what was read: a file name, or `the environment` */
  constructor(source: string, problems: readonly Problem[]) {
    const sorted = [...problems].sort(byLine);
    const count = sorted.length === 1 ? '1 problem' : `${sorted.length} problems`;
    super([`${source} cannot be used, ${count}:`, ...sorted.map(sentence)].join('\n'));
    this.problems = sorted;
  }
}

/** The same in the caller's terms, for an answer of the admin API. */
export const violationsOf = (error: ConfigurationError): Violation[] =>
  error.problems.map(({ path, rule, message, remedy }) => ({ field: path, rule, message, remedy }));
