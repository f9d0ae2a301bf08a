import { readLines } from './deployment/lines.ts';
import { ConfigurationError, type Problem } from './problem.ts';

/** One entry of a list of daypass.yaml in a file of its own, YAML or JSON; whether it is usable is for others to say. */
export interface WrittenEntry {
  readonly id: string;
  readonly [member: string]: unknown;
}

/** @throws ConfigurationError where it cannot be read, or is no entry */
export const readEntry = (text: string, source: string): WrittenEntry => {
  const { value, problems } = readLines(text);
  if (problems.length > 0) throw new ConfigurationError(source, problems);
  if (!isEntry(value)) throw new ConfigurationError(source, [NO_ENTRY]);
  return value;
};

const isEntry = (value: unknown): value is WrittenEntry =>
  typeof value === 'object' &&
  value !== null &&
  Object.hasOwn(value, 'id') &&
  typeof (value as WrittenEntry).id === 'string';

const NO_ENTRY: Problem = {
  path: 'id',
  rule: 'required',
  message: 'is missing, or a text and no mapping',
  remedy: 'write one entry as daypass.yaml has it, without the "- ": id: where2eat, and so on',
};
