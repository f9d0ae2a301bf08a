import { Buffer } from 'node:buffer';
import { OAuthError } from '../protocol/oauth-error.ts';
import type { PartGrant } from './multipart.ts';
import type { GetGrant, PostGrant, PutGrant } from './object-store.ts';

/**
 * The last look before a signature. The broker has decided on canonical input; these checks hold even
 * where it erred. They lean closed: what is not plainly safe to sign is refused.
 */

/** 15 min: the longest life the contract gives any URL. */
const LONGEST_LIFE = 900;
/** 5 GiB: what one PUT takes on S3, and so anywhere; less on Azure. */
export const LARGEST_PUT = 5 * 1024 ** 3;
const LONGEST_KEY = 1024;
/** Of one object in S3. */
const MOST_PARTS = 10_000;

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\\]/;
const FILE_NAME = /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,128}$/;
const SHA256 = /^[0-9a-f]{64}$/;
/** RFC 9110 §8.3.1, narrowed to what survives every server's header canonicalization unchanged. */
const MEDIA_TYPE =
  /^[a-z0-9][a-z0-9!#$&^_.+-]{0,126}\/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}(?:; ?[a-z0-9-]+=[A-Za-z0-9_.+-]+){0,4}$/;

const refuse = (field: string, rule: string, remedy: string): never => {
  throw new OAuthError('invalid_request', 'storage does not sign this', {
    violations: [{ field, rule, message: `${field} is not acceptable to storage`, remedy }],
  });
};

const isWholeUpTo = (value: number, least: number, most: number): boolean =>
  Number.isSafeInteger(value) && value >= least && value <= most;

/** One key has one spelling, and it names a place below its prefix. */
export const mustBeKey = (key: string): void => {
  const segments = key.split('/');
  if (
    !key.isWellFormed() ||
    key !== key.normalize('NFC') ||
    UNSAFE.test(key) ||
    Buffer.byteLength(key) > LONGEST_KEY ||
    segments.some((segment) => segment === '' || segment === '.' || segment === '..')
  ) {
    refuse(
      'key',
      'canonical_key',
      'use an NFC path of at most 1024 bytes without empty, `.` or `..` segments, backslashes or control characters',
    );
  }
};

/** What a listing is of: never of the whole bucket. */
export const mustBePrefix = (prefix: string): void => {
  if (!prefix.endsWith('/')) refuse('prefix', 'canonical_prefix', 'end it with a slash');
  mustBeKey(prefix.slice(0, -1));
};

export const mustBeMediaType = (contentType: string): void => {
  if (!MEDIA_TYPE.test(contentType))
    refuse('content_type', 'media_type', 'use a lower-case type/subtype');
};

const mustBeLife = (expiresIn: number): void => {
  if (!isWholeUpTo(expiresIn, 1, LONGEST_LIFE))
    refuse('expires_in', 'short_life', `use 1 to ${LONGEST_LIFE} seconds`);
};

export const mustBePutGrant = (grant: PutGrant): void => {
  mustBeKey(grant.key);
  mustBeMediaType(grant.contentType);
  mustBeLife(grant.expiresIn);
  if (!isWholeUpTo(grant.size, 0, LARGEST_PUT))
    refuse('size', 'exact_size', 'use 0 to 5 GiB in bytes');
  if (grant.sha256 !== undefined && !SHA256.test(grant.sha256))
    refuse('sha256', 'hex_digest', 'use 64 lower-case hex digits');
};

export const mustBePartGrant = (grant: PartGrant): void => {
  mustBeKey(grant.key);
  mustBeLife(grant.expiresIn);
  if (!isWholeUpTo(grant.size, 1, LARGEST_PUT))
    refuse('size', 'exact_size', 'use 1 to 5 GiB in bytes');
  if (!isWholeUpTo(grant.partNumber, 1, MOST_PARTS))
    refuse('partNumber', 'part_number', `use 1 to ${MOST_PARTS}`);
};

export const mustBePostGrant = (grant: PostGrant): void => {
  mustBeKey(grant.key);
  // A form's key may end in the variable ${filename}, which the server would fill in: then it is not one object.
  if (grant.key.includes('${')) refuse('key', 'exact_key', 'use a key without variables');
  mustBeMediaType(grant.contentType);
  mustBeLife(grant.expiresIn);
  if (!isWholeUpTo(grant.maxSize, 0, LARGEST_PUT) || !isWholeUpTo(grant.minSize, 0, grant.maxSize))
    refuse('size', 'size_range', 'use 0 ≤ minSize ≤ maxSize ≤ 5 GiB in bytes');
};

export const mustBeGetGrant = (grant: GetGrant): void => {
  mustBeKey(grant.key);
  mustBeLife(grant.expiresIn);
  // The name goes into a header: nothing that could end the quoted string or the line.
  if (!FILE_NAME.test(grant.fileName))
    refuse('file_name', 'safe_file_name', 'use 1 to 128 of A-Za-z0-9._-');
  if (grant.contentType !== undefined) mustBeMediaType(grant.contentType);
};

/** User content always leaves as an attachment, and its name needs no escaping: see `FILE_NAME`. */
export const attachment = (fileName: string): string => `attachment; filename="${fileName}"`;
