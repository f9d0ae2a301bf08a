import { OAuthError } from '../protocol/oauth-error.ts';
import { canonicalPrefix } from './canonical-path.ts';
import { type BrokenRule, orThrow, refuse } from './reading.ts';

const PLACEHOLDERS = ['app_id', 'user_id'] as const;
export type Placeholder = (typeof PLACEHOLDERS)[number];

/** Whom a grant's prefix is filled for; a service app without a user leaves `user_id` out. */
export type PlaceholderValues = { readonly [P in Placeholder]?: string | undefined };

const UNKNOWN: BrokenRule = {
  rule: 'prefix_placeholder',
  message: 'only {app_id} and {user_id} are known in a prefix',
  remedy: 'use these placeholders, and no other braces',
};

/** Far more than a prefix can have. */
const MAX_TEMPLATE = 4096;

const TOO_LONG: BrokenRule = {
  rule: 'prefix_length',
  message: `a prefix is written in at most ${MAX_TEMPLATE} characters`,
  remedy: 'use a shorter prefix',
};

/** RFC 3986 unreserved, so that no decoding changes it, and none of it can be syntax. */
const ID = /^[A-Za-z0-9_~-][A-Za-z0-9._~-]*$/;

const placeholder = (text: string): Placeholder | undefined =>
  PLACEHOLDERS.find((name) => text === `{${name}}`);

/** Literal text and placeholders in turn; braces elsewhere stay in the literals and are refused. */
const pieces = (template: string): readonly string[] => template.split(/(\{[^{}]*\})/);

/** Which placeholders a template names: a grant that lets users write must name `user_id`. */
export const prefixPlaceholders = (template: string): ReadonlySet<Placeholder> =>
  new Set(PLACEHOLDERS.filter((name) => template.includes(`{${name}}`)));

const fill = (piece: string, values: PlaceholderValues, field: string): string => {
  const name = placeholder(piece);
  if (!name) return /[{}]/.test(piece) ? orThrow(refuse(field, UNKNOWN), 'invalid_request') : piece;
  const value = values[name];
  if (value !== undefined && ID.test(value)) return value;
  throw new OAuthError('invalid_request', `the prefix of the grant needs a usable ${name}`, {
    violations: [
      {
        field,
        rule: 'prefix_placeholder_value',
        message: `the prefix of the grant names {${name}}, and there is no such id here`,
        remedy: name === 'user_id' ? 'exchange a token that has a user' : `use another ${name}`,
      },
    ],
  });
};

/**
 * A grant's prefix for one app and user, canonical.
 *
 * @throws OAuthError `invalid_request` for an unknown placeholder, an id that is missing or not
 * plain, or a result that is not a prefix
 */
export const fillPrefix = (
  template: string,
  values: PlaceholderValues,
  field = 'prefix',
): string => {
  if (template.length > MAX_TEMPLATE) return orThrow(refuse(field, TOO_LONG), 'invalid_request');
  const filled = pieces(template)
    .map((piece) => fill(piece, values, field))
    .join('');
  const prefix = canonicalPrefix(filled, field);
  // An encoded brace is not a second way to write a placeholder.
  return /[{}]/.test(prefix) ? orThrow(refuse(field, UNKNOWN), 'invalid_request') : prefix;
};
