import type { IncomingMessage } from 'node:http';
import type { Conditions } from '../broker/configure/entity-tag.ts';
import { OAuthError } from '../protocol/oauth-error.ts';

/** An entity tag (RFC 9110 §8.8.3): quoted, and perhaps weak. */
const TAG = /(?:W\/)?"[\x21\x23-\x7e]*"/g;
/** RFC 9110 §5.6.1.2: empty elements of a list are read, and count for nothing. */
const TAGS =
  /^[ \t,]*(?:W\/)?"[\x21\x23-\x7e]*"(?:[ \t]*,[ \t,]*(?:W\/)?"[\x21\x23-\x7e]*")*[ \t,]*$/;

/**
 * `If-Match` and `If-None-Match` of a request.
 *
 * @throws {OAuthError} `invalid_request` for what is neither `*` nor entity tags: ignored, it would overwrite
 *   what somebody meant to protect.
 */
export const conditionsOf = ({ headers }: Pick<IncomingMessage, 'headers'>): Conditions => {
  const match = read(headers['if-match'], 'If-Match');
  const noneMatch = read(headers['if-none-match'], 'If-None-Match');
  return {
    // RFC 9110 §13.1.1: compared strongly, so a weak tag never matches.
    ifMatch: match === '*' ? match : match?.filter((tag) => !tag.startsWith('W/')),
    ifNoneMatch: noneMatch === '*' ? noneMatch : noneMatch?.map((tag) => tag.replace(/^W\//, '')),
  };
};

const read = (header: string | undefined, name: string): '*' | readonly string[] | undefined => {
  const text = header?.trim();
  if (text === undefined) return undefined;
  if (text === '*') return '*';
  if (text.length <= LONGEST && TAGS.test(text)) return text.match(TAG) ?? [];
  throw new OAuthError('invalid_request', `${name} is malformed`, {
    violations: [
      {
        field: name,
        rule: 'entity_tag',
        message: 'must be * or quoted entity tags (RFC 9110 §13.1)',
        remedy: 'send the ETag as it came, quotes and all',
      },
    ],
  });
};

const LONGEST = 1024;
