import type { Constraints } from '../protocol/authorization-details.ts';
import type { Violation } from '../protocol/oauth-error.ts';
import { readMembers } from './canonical-constraints.ts';
import { isUnder, readDecodedPrefix } from './canonical-path.ts';
import { admits } from './media-range.ts';

/** One limit against another: without an outer limit all is inside, without an inner one nothing is. */
const within = <T>(
  outer: T | undefined,
  inner: T | undefined,
  holds: (outer: T, inner: T) => boolean,
): boolean => outer === undefined || (inner !== undefined && holds(outer, inner));

/** Leans closed: an inner prefix that is not canonical is under nothing, whatever it begins with. */
const holdsPrefix = (outer: string, inner: string): boolean => {
  const reading = readDecodedPrefix(inner);
  return 'value' in reading && reading.value === inner && isUnder(outer, inner);
};

const prefixWithin = (outer: Constraints, inner: Constraints): boolean =>
  within(outer.prefix, inner.prefix, holdsPrefix);

const sizeWithin = (outer: Constraints, inner: Constraints): boolean =>
  within(outer.max_size, inner.max_size, (most, size) => size > 0 && size <= most);

const typesWithin = (outer: Constraints, inner: Constraints): boolean =>
  within(
    outer.content_types,
    inner.content_types,
    (ranges, types) => types.length > 0 && types.every((type) => admits(ranges, type)),
  );

/**
 * Whether everything `inner` lets through, `outer` lets through as well. A partial order on
 * canonical constraints; what is not canonical is inside nothing that limits it.
 */
export const contains = (outer: Constraints, inner: Constraints): boolean =>
  prefixWithin(outer, inner) && sizeWithin(outer, inner) && typesWithin(outer, inner);

const exceeds = (field: string, held: unknown): Violation => ({
  field,
  rule: 'exceeds_grant',
  message: `what is held here is ${held}`,
  remedy: 'ask for no more than that, or leave it out to get just that',
});

/**
 * What is held, limited to what was asked; an absent member inherits the held one. Refused, never
 * clipped, where more is asked than held: who believes in a wider credential than it got finds out
 * too late. `asked` is checked again and not decoded, so nothing unsound is issued even where
 * `held` has no limit to measure it by.
 */
export const narrow = (
  held: Constraints,
  asked: Constraints,
  at = 'constraints',
): { readonly constraints: Constraints } | { readonly violations: readonly Violation[] } => {
  const sound = readMembers(asked, at, true);
  if ('violations' in sound) return sound;

  const constraints = { ...held, ...sound.value };
  const violations = [
    ...(prefixWithin(held, constraints) ? [] : [exceeds(`${at}.prefix`, held.prefix)]),
    ...(sizeWithin(held, constraints) ? [] : [exceeds(`${at}.max_size`, held.max_size)]),
    ...(typesWithin(held, constraints)
      ? []
      : [exceeds(`${at}.content_types`, held.content_types?.join(', '))]),
  ];
  return violations.length > 0 ? { violations } : { constraints };
};
