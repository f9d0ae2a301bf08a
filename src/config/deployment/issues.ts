import type { z } from 'zod';
import { ruleOf } from '../issue-words.ts';
import { nearest } from '../nearest.ts';
import type { Finding } from './finding.ts';
import { shapeAt } from './shape.ts';

type Issue = z.core.$ZodIssue;
type Said = Omit<Finding, 'path'>;

const choice = (known: readonly string[], written: unknown): Said => {
  const meant = typeof written === 'string' ? nearest(written, known) : undefined;
  return {
    rule: 'one_of',
    message: `must be ${known.length === 1 ? '' : 'one of '}${known.join(', ')}`,
    remedy: meant === undefined ? 'choose one of them' : `did you mean ${meant}?`,
  };
};

/** One issue of zod in our words; the place's description in the schema is the remedy of last resort. */
const say = (issue: Issue, description: string | undefined): Said => {
  const described = description === undefined ? 'see docs/configuration.md' : description;
  if (issue.input === undefined && issue.code !== 'custom')
    return { rule: 'required', message: 'is missing', remedy: `add it: ${described}` };
  switch (issue.code) {
    case 'custom':
      return {
        rule: String(issue.params?.rule),
        message: issue.message,
        remedy: String(issue.params?.remedy),
      };
    case 'invalid_value':
      return choice(issue.values.map(String), issue.input);
    case 'invalid_key': {
      const [inner] = issue.issues;
      if (inner?.code === 'custom') return say(inner, description);
      return { rule: ruleOf(issue), message: issue.message, remedy: described };
    }
    default:
      return { rule: ruleOf(issue), message: issue.message, remedy: described };
  }
};

const unknownKeys = (schema: z.ZodType, path: readonly PropertyKey[], keys: readonly string[]) => {
  const { members } = shapeAt(schema, path);
  return keys.map((key): Finding => {
    const meant = nearest(key, members);
    const known = members.length === 0 ? 'nothing is known here' : `known: ${members.join(', ')}`;
    return {
      path: [...path, key],
      rule: 'unknown_key',
      message: 'is not known here',
      remedy: meant === undefined ? `remove it; ${known}` : `did you mean ${meant}?`,
    };
  });
};

/** The alternative the writer had in mind: the only one of the right kind (a mapping, a text). */
const meantBranch = (branches: readonly (readonly Issue[])[]): readonly Issue[] | undefined => {
  const ofItsKind = branches.filter(
    (issues) => !issues.some(({ code, path }) => code === 'invalid_type' && path.length === 0),
  );
  return ofItsKind.length === 1 ? ofItsKind[0] : undefined;
};

const union = (
  schema: z.ZodType,
  issue: Extract<Issue, { code: 'invalid_union' }>,
  path: readonly PropertyKey[],
): Finding[] => {
  if ('options' in issue && Array.isArray(issue.options))
    return [{ path, ...choice(issue.options.map(String), undefined) }];
  const meant = meantBranch(issue.errors);
  if (meant !== undefined) return findingsOf(schema, meant, path);
  const { description } = shapeAt(schema, path);
  return [{ path, ...say(issue, description) }];
};

/** zod's issues as findings: path, rule, message, remedy, with a guess at what was meant. */
export const findingsOf = (
  schema: z.ZodType,
  issues: readonly Issue[],
  base: readonly PropertyKey[] = [],
): Finding[] =>
  issues.flatMap((issue) => {
    const path = [...base, ...issue.path];
    if (issue.code === 'unrecognized_keys') return unknownKeys(schema, path, issue.keys);
    if (issue.code === 'invalid_union') return union(schema, issue, path);
    return [{ path, ...say(issue, shapeAt(schema, path).description) }];
  });
