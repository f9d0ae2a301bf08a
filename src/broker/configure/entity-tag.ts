import { createHash } from 'node:crypto';
import { OAuthError } from '../../protocol/oauth-error.ts';

/** What a caller says of the state that they have seen (RFC 9110 §13.1): `*`, or entity tags. */
export interface Conditions {
  readonly ifMatch?: '*' | readonly string[] | undefined;
  readonly ifNoneMatch?: '*' | readonly string[] | undefined;
}

/** Equal for what says the same, in whatever order. A strong validator (RFC 9110 §8.8.1). */
export const entityTagOf = (value: object): string =>
  `"${createHash('sha256')
    .update(JSON.stringify(sorted(value)))
    .digest('base64url')
    .slice(0, 22)}"`;

const sorted = (value: unknown): unknown => {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(sorted);
  const members = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(members.map(([name, member]) => [name, sorted(member)]));
};

const includes = (tags: '*' | readonly string[], tag: string | undefined): boolean =>
  tag !== undefined && (tags === '*' || tags.includes(tag));

export const holds = ({ ifMatch, ifNoneMatch }: Conditions, tag: string | undefined): boolean =>
  (ifMatch === undefined || includes(ifMatch, tag)) &&
  (ifNoneMatch === undefined || !includes(ifNoneMatch, tag));

/**
 * Nobody overwrites what they have not seen.
 *
 * @param tag of what is there; undefined where nothing is.
 * @throws {OAuthError} `precondition_failed`
 */
export const mustHold = (conditions: Conditions, tag: string | undefined): void => {
  if (holds(conditions, tag)) return;
  const isMatch = conditions.ifMatch !== undefined && !holds({ ifMatch: conditions.ifMatch }, tag);
  const field = isMatch ? 'If-Match' : 'If-None-Match';
  throw new OAuthError('precondition_failed', 'it is not what you have seen', {
    violations: [
      {
        field,
        rule: 'entity_tag',
        message: isMatch
          ? 'it was changed or removed since it had this ETag'
          : 'there is one already',
        remedy: 'GET it, look at what is there now, and send its ETag as If-Match',
      },
    ],
  });
};
