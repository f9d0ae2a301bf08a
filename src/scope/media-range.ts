import { type BrokenRule, orThrow, type Reading, read, refuse } from './reading.ts';

const NOT_A_RANGE: BrokenRule = {
  rule: 'media_range',
  message: 'a content type is type/subtype, type/* or */*, without parameters',
  remedy: 'write it like image/png or image/*',
};

const EMPTY: BrokenRule = {
  rule: 'media_ranges_empty',
  message: 'an empty list would allow nothing',
  remedy: 'name the content types, or leave the list out',
};

export const MAX_RANGES = 100;

const TOO_MANY: BrokenRule = {
  rule: 'media_ranges_length',
  message: `a list has at most ${MAX_RANGES} content types`,
  remedy: 'use ranges such as image/*',
};

/** RFC 6838 §4.2: restricted names of at most 127 characters; a wildcard stands alone. */
const NAME = '[a-z0-9][a-z0-9!#$&^_.+-]{0,126}';
const RANGE = new RegExp(`^(?:\\*/\\*|${NAME}/(?:\\*|${NAME}))$`);

const subtypeWildcard = (range: string): string => `${range.slice(0, range.indexOf('/'))}/*`;

/** The ranges that hold `range`, itself first. */
const wider = (range: string): readonly string[] => [range, subtypeWildcard(range), '*/*'];

/** Whether every content type in `range` is in one of `ranges`; all lower case, no parameters. */
export const admits = (ranges: readonly string[], range: string): boolean =>
  wider(range).some((candidate) => ranges.includes(candidate));

const isRange = (text: unknown): text is string =>
  typeof text === 'string' && RANGE.test(text.toLowerCase());

/** One spelling per meaning: lower case, sorted, none twice, none that another one holds. */
const canonical = (ranges: readonly string[]): readonly string[] => {
  const all = new Set(ranges.map((range) => range.toLowerCase()));
  const isHeld = (range: string) => wider(range).some((w) => w !== range && all.has(w));
  return [...all].filter((range) => !isHeld(range)).sort();
};

export const readMediaRanges = (
  ranges: unknown,
  field = 'content_types',
): Reading<readonly string[]> => {
  if (Array.isArray(ranges) && ranges.length > MAX_RANGES) return refuse(field, TOO_MANY);
  if (!Array.isArray(ranges) || !ranges.every(isRange)) return refuse(field, NOT_A_RANGE);
  return ranges.length === 0 ? refuse(field, EMPTY) : read(canonical(ranges));
};

/**
 * Media ranges in their one spelling: lower case, sorted, none twice, none that another one holds.
 *
 * @throws OAuthError `invalid_request` for anything but type/subtype, type/* and *&#47;*
 */
export const canonicalMediaRanges = (
  ranges: readonly string[],
  field = 'content_types',
): readonly string[] => orThrow(readMediaRanges(ranges, field), 'invalid_request');
