import { brokenSegment, brokenText, nfc } from './path-rules.ts';
import { type BrokenRule, orThrow, type Reading, read, refuse } from './reading.ts';

/**
 * Where uploads wait to be inspected: a cloud key prefix (no first `/`) that no prefix, folder or
 * key of a caller may name. A grant of `/` contains it all the same: whoever lists or signs for
 * a whole bucket leaves it out.
 */
export const STAGING_PREFIX = '.daypass-staging/';

/** Where what was rejected or quarantined is kept apart: as `STAGING_PREFIX`, no caller's and in no listing. */
export const QUARANTINE_PREFIX = '.daypass-quarantine/';

/** A grant of a whole bucket contains them: whoever lists, signs or lends for one leaves them out. */
export const RESERVED_PREFIXES: readonly string[] = [STAGING_PREFIX, QUARANTINE_PREFIX];

/** The shortest limit of the clouds: S3, GCS and Azure all take 1,024. UTF-8 bytes, whole key. */
export const MAX_KEY_BYTES = 1024;

/** Before any work: no path of 1,024 bytes needs more text, even decomposed and percent-encoded. */
const MAX_TEXT = 12 * MAX_KEY_BYTES;

const TOO_LONG: BrokenRule = {
  rule: 'path_length',
  message: `a path has at most ${MAX_KEY_BYTES} bytes of UTF-8`,
  remedy: 'use a shorter path',
};

const MARKS: BrokenRule = {
  rule: 'path_marks',
  message: 'a path has at most 30 combining marks in a row',
  remedy: 'use plain names',
};

const RESERVED: BrokenRule = {
  rule: 'path_reserved',
  message: `${RESERVED_PREFIXES.join(' and ')} are reserved for uploads that nobody may read`,
  remedy: 'use another first folder',
};

/** How one kind of path stands between its outer slashes. */
interface Shape {
  /** The part between them, or the rule the outer slashes break. */
  readonly inner: (path: string) => string | BrokenRule;
  readonly outer: (inner: string) => string;
}

const PREFIX: Shape = {
  inner: (path) =>
    path.startsWith('/') && path.endsWith('/')
      ? path.slice(1, -1)
      : {
          rule: 'prefix_slashes',
          message: 'a prefix starts and ends with /',
          remedy: 'write it as /folder/',
        },
  outer: (inner) => `/${inner}/`,
};

const FOLDER: Shape = {
  // Leans towards refusing: a caller who writes `/` first means another place than below the prefix.
  inner: (path) =>
    path.startsWith('/')
      ? {
          rule: 'path_relative',
          message: 'the path is a folder below the prefix of the grant',
          remedy: 'leave out the first /',
        }
      : path.replace(/\/$/, ''),
  outer: (inner) => `${inner}/`,
};

const KEY: Shape = {
  inner: (path) =>
    path.endsWith('/')
      ? {
          rule: 'key_object',
          message: 'the path names an object, not a folder',
          remedy: 'leave out the last /, or list the folder',
        }
      : path.replace(/^\//, ''),
  outer: (inner) => inner,
};

/** Undefined for malformed percent-encoding and for bytes that are not UTF-8. */
export const percentDecoded = (text: string): string | undefined => {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
};

/** A case-insensitive file system must not make `.DAYPASS-STAGING` another spelling. */
const isReserved = (segment = ''): boolean =>
  segment.startsWith('.') &&
  RESERVED_PREFIXES.includes(`${segment.normalize('NFKC').toLowerCase()}/`);

const readShape = (path: string, shape: Shape, field: string): Reading<string> => {
  const inner = shape.inner(path);
  if (typeof inner !== 'string') return refuse(field, inner);
  const whole = shape.outer(inner);
  if (Buffer.byteLength(whole.replace(/^\//, '')) > MAX_KEY_BYTES) return refuse(field, TOO_LONG);

  const segments = inner.split('/');
  const broken = brokenSegment(segments);
  if (broken) return refuse(field, broken);
  return isReserved(segments[0]) ? refuse(field, RESERVED) : read(whole);
};

/** The text is what the path is: nothing decodes it any more. */
const readDecoded = (text: string, shape: Shape, field: string): Reading<string> => {
  if (text.length > MAX_TEXT) return refuse(field, TOO_LONG);
  const path = nfc(text);
  if (path === undefined) return refuse(field, MARKS);
  if (Buffer.byteLength(path) > MAX_KEY_BYTES + 1) return refuse(field, TOO_LONG);
  const broken = brokenText(path);
  if (broken) return refuse(field, broken);
  // The whole bucket: the one path without segments, where `//` has an empty one.
  return path === '/' && shape === PREFIX ? read(path) : readShape(path, shape, field);
};

const readEncoded = (text: string, shape: Shape, field: string): Reading<string> => {
  if (text.length > MAX_TEXT) return refuse(field, TOO_LONG);
  const decoded = percentDecoded(text);
  if (decoded !== undefined) return readDecoded(decoded, shape, field);
  return refuse(field, {
    rule: 'path_encoding',
    message: 'the percent-encoding is malformed or does not spell UTF-8',
    remedy: 'encode the UTF-8 bytes of the path once; a plain % is not allowed',
  });
};

export const readPrefix = (text: string, field = 'prefix'): Reading<string> =>
  readEncoded(text, PREFIX, field);

/** For text somebody decoded already, such as a query parameter: decoding twice is the attack. */
export const readDecodedPrefix = (text: string, field = 'prefix'): Reading<string> =>
  readDecoded(text, PREFIX, field);

/**
 * A prefix as it is decided, recorded and signed: `/a/b/`, percent-decoded once, NFC, at most 1,024
 * bytes of key. Canonical text comes back unchanged.
 *
 * @throws OAuthError `invalid_request` naming the rule that is broken
 */
export const canonicalPrefix = (text: string, field = 'prefix'): string =>
  orThrow(readPrefix(text, field), 'invalid_request');

/** {@link canonicalPrefix} of text that was decoded before, such as a query parameter. */
export const canonicalDecodedPrefix = (text: string, field = 'prefix'): string =>
  orThrow(readDecodedPrefix(text, field), 'invalid_request');

/**
 * A folder below a grant's prefix, as `a/b/`: append it to the prefix. The last `/` may be left out.
 *
 * @throws OAuthError `invalid_request` naming the rule that is broken
 */
export const canonicalPath = (text: string, field = 'path'): string =>
  orThrow(readEncoded(text, FOLDER, field), 'invalid_request');

/**
 * An object's cloud key, as `a/b/c.png`: no first `/` (one is taken off), no last one.
 *
 * @throws OAuthError `invalid_request` naming the rule that is broken
 */
export const canonicalKey = (text: string, field = 'path'): string =>
  orThrow(readEncoded(text, KEY, field), 'invalid_request');

/**
 * The final key of an upload: prefix + path + objectId + "/" + safe file name, each canonical
 * already. The whole is checked again, since only the whole has a length.
 *
 * @throws OAuthError `invalid_request` where it is longer than 1,024 bytes or not below the prefix
 */
export const objectKey = (parts: {
  readonly prefix: string;
  readonly path?: string | undefined;
  readonly objectId: string;
  readonly fileName: string;
}): string => {
  const whole = `${parts.prefix}${parts.path ?? ''}${parts.objectId}/${parts.fileName}`;
  const key = orThrow(readDecoded(whole, KEY, 'path'), 'invalid_request');
  // What is signed is byte for byte what was decided: a part that was not canonical ends here.
  if (isUnder(parts.prefix, whole) && `/${key}` === whole) return key;
  return orThrow(
    refuse('path', {
      rule: 'path_canonical',
      message: 'the parts of the key are not canonical',
      remedy: 'canonicalise prefix, path and file name first',
    }),
    'invalid_request',
  );
};

/**
 * Whether `path` (a canonical prefix, or a key with its first `/`) lies at or below `prefix`, by
 * whole segments: `/a/` holds `/a/b/` and never `/ab/`. False for a prefix that does not end in `/`.
 */
export const isUnder = (prefix: string, path: string): boolean =>
  prefix.startsWith('/') && prefix.endsWith('/') && path.startsWith(prefix);
