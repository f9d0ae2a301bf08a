import type { z } from 'zod';
import { ruleOf, wordsOfJson } from '../config/issue-words.ts';
import { OAuthError, type Violation } from '../protocol/oauth-error.ts';
import { meantBy } from './members.ts';

/**
 * What a schema makes of a value.
 *
 * @throws {OAuthError} `invalid_request` with one violation for each issue, all at once.
 */
export const parseWith = <Output>(schema: z.ZodType<Output>, value: unknown): Output => {
  const result = schema.safeParse(value, { reportInput: true, error: wordsOfJson });
  if (result.success) return result.data;
  const violations = result.error.issues.flatMap((issue) => toViolations(schema, issue));
  throw new OAuthError('invalid_request', violations[0]?.message ?? 'the request is malformed', {
    violations,
  });
};

const toViolations = (schema: z.ZodType, issue: z.core.$ZodIssue): readonly Violation[] => {
  if (issue.code === 'unrecognized_keys') {
    const meant = meantBy(schema, issue.path, issue.keys);
    return issue.keys.map((key, place) => ({
      field: [...issue.path, key.slice(0, 64)].join('.') || 'body',
      rule: 'unknown_member',
      message: `there is no member ${JSON.stringify(key.slice(0, 64))} here`,
      remedy: `${meant[place] === undefined ? 'leave it out;' : `did you mean "${meant[place]}"?`} /docs shows every member`,
    }));
  }
  const field = issue.path.join('.') || 'body';
  const given = issue.code === 'custom' ? issue.params : undefined;
  const rule = typeof given?.rule === 'string' ? given.rule : ruleOf(issue);
  const remedy = typeof given?.remedy === 'string' ? given.remedy : REMEDY[rule];
  return [
    {
      field,
      rule,
      message: `${field}: ${issue.message}`,
      remedy: remedy ?? 'see /docs for its shape',
    },
  ];
};

const REMEDY: Readonly<Record<string, string>> = {
  required: 'add it; /docs shows every member',
  type: 'give a value of that type',
  at_least: 'give a value within the limits',
  at_most: 'give a value within the limits',
  one_of: 'give one of the values listed',
  format: 'write it in that format',
};
