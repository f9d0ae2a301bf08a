import type { z } from 'zod';

type Raw = z.core.$ZodRawIssue;

/** What kinds of value are called by whoever writes them. */
type Kinds = Readonly<Record<string, string>>;

const KINDS: Kinds = {
  int: 'a whole number',
  number: 'a number',
  nan: 'a number',
  boolean: 'true or false',
  array: 'a list',
  null: 'null',
};
const IN_JSON: Kinds = { ...KINDS, object: 'an object', record: 'an object', string: 'a string' };
const IN_YAML: Kinds = { ...KINDS, object: 'a mapping', record: 'a mapping', string: 'a text' };

const FORMATS: Readonly<Record<string, string>> = {
  datetime: 'must be a date and time with an offset, such as 2027-06-30T12:00:00Z',
  date: 'must be a date, such as 2027-06-30',
  url: 'must be a URL',
};

type TooSmall = Extract<Raw, { code: 'too_small' }>;
type TooBig = Extract<Raw, { code: 'too_big' }>;

const atLeast = ({ origin, minimum, inclusive }: TooSmall): string => {
  if (origin === 'string')
    return Number(minimum) <= 1 ? 'must not be empty' : `must have ${minimum} characters or more`;
  if (origin === 'array') return `must list ${minimum} or more`;
  return inclusive === false ? `must be more than ${minimum}` : `must be at least ${minimum}`;
};

const atMost = ({ origin, maximum, inclusive }: TooBig): string => {
  if (origin === 'string') return `must have at most ${maximum} characters`;
  if (origin === 'array') return `must list at most ${maximum}`;
  return inclusive === false ? `must be less than ${maximum}` : `must be at most ${maximum}`;
};

const oneOf = (values: readonly unknown[]): string =>
  `must be ${values.length === 1 ? '' : 'one of '}${values.map(String).join(', ')}`;

const say = (issue: Raw, kinds: Kinds): string => {
  if (issue.input === undefined) return 'is missing';
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${kinds[issue.expected] ?? 'of another kind'}`;
    case 'invalid_value':
      return oneOf(issue.values);
    case 'too_small':
      return atLeast(issue);
    case 'too_big':
      return atMost(issue);
    case 'invalid_format':
      return FORMATS[issue.format] ?? 'is not written as it must be';
    case 'invalid_key':
      return 'has a name that cannot be used';
    default:
      return 'has none of the forms it may have';
  }
};

const RULES: Readonly<Record<string, string>> = {
  invalid_type: 'type',
  invalid_value: 'one_of',
  too_small: 'at_least',
  too_big: 'at_most',
  invalid_format: 'format',
  invalid_key: 'key',
};

/** The rule that an issue is a breach of. It has to have been read with `reportInput`. */
export const ruleOf = ({ code, input }: z.core.$ZodIssue): string =>
  input === undefined && code !== 'custom' ? 'required' : (RULES[code ?? ''] ?? 'form');

/**
 * For `safeParse`: our words for every issue whose schema has none of its own, so that nobody is told in those of
 * the library. What was written is never quoted: it may be a secret.
 */
export const wordsOfJson: z.core.$ZodErrorMap = (issue) => say(issue, IN_JSON);
export const wordsOfYaml: z.core.$ZodErrorMap = (issue) => say(issue, IN_YAML);
