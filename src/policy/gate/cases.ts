import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Decision, PolicyEngine, Question } from '../engine.ts';

/** A question and the answer it must have, told in terms that any engine can be held to. */
export interface Case {
  readonly file: string;
  readonly name: string;
  readonly question: Question;
  readonly expect: {
    readonly effect: 'permit' | 'deny';
    /** All that determine the answer, in any order. */
    readonly policies: readonly string[];
  };
}

const FOLDERS = { ALLOW: 'permit', DENY: 'deny' } as const;

/**
 * The cases of `ALLOW/` and `DENY/` under `dir`, by file name.
 *
 * @throws {Error} for a folder that is not there, and for a file without `name`, `question` and `expect.policies`.
 */
export const loadCases = (dir: string): readonly Case[] =>
  Object.entries(FOLDERS).flatMap(([folder, effect]) =>
    readdirSync(join(dir, folder))
      .filter((entry) => entry.endsWith('.json'))
      .sort()
      .map((entry) => readCase(join(dir, folder, entry), effect)),
  );

const readCase = (file: string, effect: Case['expect']['effect']): Case => {
  const { name, question, expect }: Partial<Case> = JSON.parse(readFileSync(file, 'utf8'));
  if (!(name && question && Array.isArray(expect?.policies))) {
    throw new Error(`${file}: a case has name, question and expect.policies`);
  }
  if (!/^[a-z0-9_]+\.json$/.test(basename(file))) {
    throw new Error(`${file}: a case is named for its reason, in snake_case`);
  }
  return { file, name, question, expect: { effect, policies: expect.policies } };
};

/** What is wrong with the engine's answer, in a line; undefined where it is as expected. */
export const failureOf = (engine: PolicyEngine, { question, expect }: Case): string | undefined => {
  const expected = `${expect.effect} by ${listed(expect.policies)}`;
  const actual = described(engine.decide(question));
  return actual === expected ? undefined : `expected ${expected}, got ${actual}`;
};

const described = (decision: Decision): string =>
  decision.effect === 'error'
    ? `an error: ${decision.detail}`
    : `${decision.effect} by ${listed(decision.policies)}`;

const listed = (policies: readonly string[]): string =>
  policies.length === 0 ? 'default' : [...policies].sort().join(', ');
