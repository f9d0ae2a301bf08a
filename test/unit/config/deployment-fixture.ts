import { readFileSync } from 'node:fs';
import { parseDeployment } from '../../../src/config/deployment.ts';
import { ConfigurationError, type Problem } from '../../../src/config/problem.ts';

/** The example of the contract, letter by letter; a .txt, since a formatter would rewrite YAML. */
export const CONTRACT = readFileSync(
  new URL('./fixtures/contract-example.txt', import.meta.url),
  'utf8',
);

export const OPTIONS = {
  production: false,
  now: new Date('2026-11-22T00:00:00Z'),
  source: 'daypass.yaml',
};

export const problemsOf = (read: () => unknown): readonly Problem[] => {
  try {
    read();
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems;
    throw error;
  }
  return [];
};

/** The example with one part replaced; a part that is not there would make a test prove nothing. */
export const edited = (...edits: readonly (readonly [from: string, to: string])[]): string =>
  edits.reduce((text, [from, to]) => {
    if (!text.includes(from)) throw new Error(`the example does not contain ${from}`);
    return text.replace(from, to);
  }, CONTRACT);

/** What is wrong with a text: `path rule`, each with its line where `lines` is asked for. */
export const complaints = (text: string, production = false): string[] =>
  problemsOf(() => parseDeployment(text, { ...OPTIONS, production })).map(
    ({ path, rule }) => `${path} ${rule}`,
  );

/** The number of the first line that contains a text. */
export const lineWith = (text: string, part: string): number =>
  text.split('\n').findIndex((line) => line.includes(part)) + 1;
