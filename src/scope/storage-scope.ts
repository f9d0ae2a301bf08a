import type { Constraints, StorageAction } from '../protocol/authorization-details.ts';
import { storageAction } from './actions.ts';
import { type RawConstraints, readMembers } from './canonical-constraints.ts';
import { percentDecoded } from './canonical-path.ts';
import { MAX_RANGES } from './media-range.ts';
import { type BrokenRule, orThrow, type Reading, read, refuse } from './reading.ts';
import { isBucketId } from './resource.ts';

/** `storage:bucket:<id>:<action>[:prefix=<p>][:max_size=<bytes>][:types=<t,t>]` */
export interface StorageScope extends Constraints {
  readonly bucket: string;
  readonly action: StorageAction;
}

const FAMILY = 'storage:';

/** In the order they are written. */
const PARAMETERS = ['prefix', 'max_size', 'types'] as const;
type Parameter = (typeof PARAMETERS)[number];

const SYNTAX: BrokenRule = {
  rule: 'scope_syntax',
  message:
    'a storage scope is storage:bucket:<id>:<action>, then :prefix=, :max_size= and :types= in that order, each at most once',
  remedy: 'write it like storage:bucket:photos:read:prefix=/menus/',
};

export const isStorageScope = (scope: string): boolean => scope.startsWith(FAMILY);

/** RFC 3986 §2.3 unreserved, and the three that the grammar leaves alone. */
const LITERAL = /^[A-Za-z0-9._~/*+-]*$/;

const percent = (character: string): string =>
  `%${character.charCodeAt(0).toString(16).toUpperCase()}`;

/** All but RFC 3986 unreserved and `/ * +`; a `%` itself is `%25`, so `%2F` can only be ours. */
const encodeValue = (value: string): string =>
  LITERAL.test(value)
    ? value
    : encodeURIComponent(value)
        .replace(/[!'()]/g, percent)
        .replaceAll('%2F', '/')
        .replaceAll('%2B', '+');

/**
 * A scope in its one spelling.
 *
 * @param scope canonical constraints, as every reader of this room returns them
 */
export const printStorageScope = (scope: StorageScope): string => {
  const { bucket, action, prefix, max_size, content_types } = scope;
  return [
    `${FAMILY}bucket:${bucket}:${action}`,
    ...(prefix === undefined ? [] : [`prefix=${encodeValue(prefix)}`]),
    ...(max_size === undefined ? [] : [`max_size=${max_size}`]),
    ...(content_types === undefined ? [] : [`types=${content_types.map(encodeValue).join(',')}`]),
  ].join(':');
};

/** Name and value of each, strictly in order; undefined where a name is unknown, late or repeated. */
const parametersOf = (parts: readonly string[]): ReadonlyMap<Parameter, string> | undefined => {
  const found = new Map<Parameter, string>();
  let next = 0;
  for (const part of parts) {
    const index = PARAMETERS.findIndex((name, i) => i >= next && part.startsWith(`${name}=`));
    const name = PARAMETERS[index];
    if (name === undefined) return undefined;
    found.set(name, part.slice(name.length + 1));
    next = index + 1;
  }
  return found;
};

/** No leading zeros, no sign, no exponent; NaN for anything else, which no reader takes for a size. */
const bytesOf = (digits: string): number =>
  /^[1-9][0-9]{0,15}$/.test(digits) ? Number(digits) : Number.NaN;

/** Decoded once, here; what does not decode stays as it is, and its `%` is refused by the readers. */
const rawConstraints = (parameters: ReadonlyMap<Parameter, string>): RawConstraints => {
  const decode = (value: string): string => percentDecoded(value) ?? value;
  const prefix = parameters.get('prefix');
  const size = parameters.get('max_size');
  const types = parameters.get('types');
  return {
    ...(prefix !== undefined && { prefix: decode(prefix) }),
    ...(size !== undefined && { max_size: bytesOf(size) }),
    ...(types !== undefined && { content_types: types.split(',', MAX_RANGES + 1).map(decode) }),
  };
};

export const readStorageScope = (text: string, field = 'scope'): Reading<StorageScope> => {
  const [family, kind, bucket = '', actionText, ...rest] = text.split(':', 5 + PARAMETERS.length);
  const action = storageAction(actionText);
  const parameters = parametersOf(rest);
  const isOurs = family === 'storage' && kind === 'bucket' && isBucketId(bucket);
  if (!isOurs || !action || !parameters) return refuse(field, SYNTAX);

  const constraints = readMembers(rawConstraints(parameters), field, true);
  if ('violations' in constraints) return constraints;

  // One spelling per meaning: two scopes are equal exactly where their texts are.
  const scope: StorageScope = { bucket, action, ...constraints.value };
  const canonical = printStorageScope(scope);
  if (canonical === text) return read(scope);
  return refuse(field, {
    rule: 'scope_not_canonical',
    message: 'the scope has another, canonical spelling',
    remedy: `write it as ${canonical}`,
  });
};

/**
 * A storage scope, accepted in its canonical spelling only: `print(parse(text)) === text`.
 *
 * @throws OAuthError `invalid_scope`, with the canonical spelling as remedy where there is one
 */
export const parseStorageScope = (text: string, field = 'scope'): StorageScope =>
  orThrow(readStorageScope(text, field), 'invalid_scope');
