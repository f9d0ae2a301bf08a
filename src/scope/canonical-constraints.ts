import type { Constraints } from '../protocol/authorization-details.ts';
import type { Violation } from '../protocol/oauth-error.ts';
import { readDecodedPrefix, readPrefix } from './canonical-path.ts';
import { readMediaRanges } from './media-range.ts';
import { orThrow, type Reading, read, refuse, violationsOf } from './reading.ts';

export const CONSTRAINT_MEMBERS = ['prefix', 'max_size', 'content_types'] as const;

/** Constraints before anybody looked at them. */
export type RawConstraints = { readonly [M in keyof Constraints]?: unknown };

export const isRecord = (json: unknown): json is Readonly<Record<string, unknown>> =>
  typeof json === 'object' && json !== null && !Array.isArray(json);

/** Own members only: `__proto__` in JSON is one of them, and as unknown as any other. */
export const unknownMembers = (
  json: object,
  known: readonly string[],
  at: string,
): readonly Violation[] =>
  Object.keys(json).some((member) => !known.includes(member))
    ? [
        {
          field: at,
          rule: 'unknown_member',
          message: 'it has members that are not known here',
          remedy: `use only ${known.join(', ')}`,
        },
      ]
    : [];

const readSize = (size: unknown, field: string): Reading<number> =>
  typeof size === 'number' && Number.isSafeInteger(size) && size > 0
    ? read(size)
    : refuse(field, {
        rule: 'max_size',
        message: 'a size is a positive whole number of bytes',
        remedy: 'give it in bytes, such as 1048576',
      });

const readPrefixText = (text: unknown, field: string, decoded: boolean): Reading<string> => {
  if (typeof text === 'string') {
    return decoded ? readDecodedPrefix(text, field) : readPrefix(text, field);
  }
  return refuse(field, {
    rule: 'prefix_type',
    message: 'a prefix is text',
    remedy: 'write it as "/folder/"',
  });
};

const member = <M extends keyof Constraints, T>(name: M, reading: Reading<T> | undefined) =>
  (reading && 'value' in reading ? { [name]: reading.value } : {}) as { [P in M]?: T };

/** Each member by its reader, all complaints at once; `decoded` where the prefix was decoded before. */
export const readMembers = (
  raw: RawConstraints,
  at: string,
  decoded = false,
): Reading<Constraints> => {
  const { prefix, max_size, content_types } = raw;
  const path = prefix === undefined ? prefix : readPrefixText(prefix, `${at}.prefix`, decoded);
  const size = max_size === undefined ? max_size : readSize(max_size, `${at}.max_size`);
  const types =
    content_types === undefined
      ? content_types
      : readMediaRanges(content_types, `${at}.content_types`);

  const violations = [path, size, types].flatMap((reading) =>
    reading ? violationsOf(reading) : [],
  );
  if (violations.length > 0) return { violations };
  return read({
    ...member('prefix', path),
    ...member('max_size', size),
    ...member('content_types', types),
  });
};

/** Constraints from JSON: unknown members and wrong types are violations, all reported at once. */
export const readConstraints = (json: unknown, at = 'constraints'): Reading<Constraints> => {
  if (!isRecord(json)) {
    return refuse(at, {
      rule: 'constraints_type',
      message: 'constraints are an object',
      remedy: `give ${CONSTRAINT_MEMBERS.join(', ')} as its members, or leave it out`,
    });
  }
  const reading = readMembers(json, at);
  const unknown = unknownMembers(json, CONSTRAINT_MEMBERS, at);
  return unknown.length > 0 ? { violations: [...unknown, ...violationsOf(reading)] } : reading;
};

/**
 * Constraints from JSON in canonical form: prefix decoded once, ranges lower case and sorted.
 *
 * @throws OAuthError `invalid_request` with a violation for each member that is wrong
 */
export const canonicalConstraints = (json: unknown, at = 'constraints'): Constraints =>
  orThrow(readConstraints(json, at), 'invalid_request');
