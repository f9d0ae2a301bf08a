import { ENCODED_SYNTAX } from './path-rules.ts';
import { type BrokenRule, orThrow, type Reading, read, refuse } from './reading.ts';

/** What a token is for: a bucket of ours, or a resource server by its URI (RFC 8707 §2). */
export type Resource =
  | { readonly kind: 'bucket'; readonly id: string }
  | { readonly kind: 'uri'; readonly uri: string };

const BUCKET = 'bucket:';
const BUCKET_ID = /^[a-z0-9][a-z0-9._-]{0,62}$/;
const MAX_URI = 2048;

/** The configuration's grammar of ids: no `__proto__`, nothing a scope would have to encode. */
export const isBucketId = (text: string): boolean => BUCKET_ID.test(text);

export const bucketLocation = (id: string): string => `${BUCKET}${id}`;

/** The id in `bucket:<id>`; undefined for anything else. */
export const bucketOf = (location: string): string | undefined => {
  if (!location.startsWith(BUCKET)) return undefined;
  const id = location.slice(BUCKET.length);
  return isBucketId(id) ? id : undefined;
};

/** The characters of RFC 3986 §2, every `%` followed by two digits. */
const URI_TEXT = /^(?:[A-Za-z0-9._~:/?#[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+$/;

interface UriRule extends BrokenRule {
  readonly breaks: (text: string) => boolean;
}

const authorityOf = (uri: string): string => uri.split('/', 3)[2] ?? '';

/** Scheme and host lower case, no default port, no dot segments: as every URL parser reads it. */
const isNormal = (text: string): boolean => {
  const href = URL.parse(text)?.href;
  return href === text || href === `${text}/`;
};

/** Resources are compared as exact strings, so only what no parser would rewrite is one. */
const URI_RULES: readonly UriRule[] = [
  {
    rule: 'resource_uri',
    breaks: (text) => text.length > MAX_URI || !/^https?:\/\//.test(text) || !URI_TEXT.test(text),
    message: 'a resource is bucket:<id>, or an absolute http or https URI',
    remedy: 'use the identifier the resource is registered with',
  },
  {
    rule: 'resource_fragment', // RFC 8707 §2: "MUST NOT include a fragment component"
    breaks: (text) => text.includes('#'),
    message: 'a resource has no fragment',
    remedy: 'leave out # and what follows',
  },
  {
    rule: 'resource_userinfo', // `https://rs@evil`: reads like rs, is evil
    breaks: (text) => authorityOf(text).includes('@'),
    message: 'a resource has no user information',
    remedy: 'leave out what is before @',
  },
  {
    rule: 'resource_normal',
    breaks: (text) => ENCODED_SYNTAX.test(text) || !isNormal(text),
    message: 'a resource is written in normal form: host in lower case, no dots, no encoded dots',
    remedy: 'use the identifier the resource is registered with',
  },
];

const readUri = (text: string, field: string): Reading<Resource> => {
  const broken = URI_RULES.find((rule) => rule.breaks(text));
  if (!broken) return read({ kind: 'uri', uri: text });
  return refuse(field, { rule: broken.rule, message: broken.message, remedy: broken.remedy });
};

export const readResource = (text: string, field = 'resource'): Reading<Resource> => {
  if (!text.startsWith(BUCKET)) return readUri(text, field);
  const id = bucketOf(text);
  if (id !== undefined) return read({ kind: 'bucket', id });
  return refuse(field, {
    rule: 'bucket_id',
    message: 'a bucket id has at most 63 characters of a-z 0-9 . _ - and begins with a-z or 0-9',
    remedy: 'use the id the bucket is registered with',
  });
};

/**
 * A resource or audience parameter. The URI comes back as it was written, to be compared as a string.
 *
 * @throws OAuthError `invalid_target` naming the rule that is broken
 */
export const parseResource = (text: string, field = 'resource'): Resource =>
  orThrow(readResource(text, field), 'invalid_target');
