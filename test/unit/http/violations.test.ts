import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { z } from 'zod';
import { parseWith } from '../../../src/http/parse.ts';
import { describedRoutes } from '../../../src/http/route-table.ts';
import { clientMetadata } from '../../../src/http/wire/registration.ts';
import { OAuthError, type Violation } from '../../../src/protocol/oauth-error.ts';
import { junkFor, NOT_OURS } from '../../support/junk.ts';

const violationsOf = (schema: z.ZodType, value: unknown): readonly Violation[] => {
  try {
    parseWith(schema, value);
    return [];
  } catch (error) {
    if (error instanceof OAuthError) return error.violations;
    throw error;
  }
};

const TAKEN: readonly (readonly [of: string, schema: z.ZodType])[] = [
  ['POST /register', clientMetadata],
  ...describedRoutes().flatMap(({ method, path, body, query }) =>
    [body, query].flatMap((schema) => (schema ? [[`${method} ${path}`, schema] as const] : [])),
  ),
];

describe('whatever is sent', () => {
  it.each(TAKEN)(
    'to %s is taken, or refused by field, rule, message and remedy of ours',
    (_, schema) => {
      fc.assert(
        fc.property(junkFor(schema), (value) => {
          for (const { field, rule, message, remedy } of violationsOf(schema, value)) {
            expect(field).not.toBe('');
            expect(rule).toMatch(/^[a-z][a-z_]*$/);
            expect(message).not.toMatch(NOT_OURS);
            expect(remedy).not.toMatch(NOT_OURS);
          }
        }),
        { numRuns: 25 },
      );
    },
  );

  it('and missing, of another type, too small, too large or unheard of, is said to be that', () => {
    const said = (method: string, path: string, value: unknown): Record<string, string> => {
      const [, schema] = TAKEN.find(([of]) => of === `${method} ${path}`) ?? [];
      const violations = violationsOf(schema as z.ZodType, value);
      return Object.fromEntries(violations.map(({ rule, message }) => [message, rule]));
    };
    expect(said('POST', '/request-upload', { filename: '', size: 0.5 })).toEqual({
      'filename: must not be empty': 'at_least',
      'size: must be a whole number': 'type',
      'contentType: is missing': 'required',
    });
    const upload = { filename: 'x'.repeat(1_025), size: 0, contentType: 'a/b', multipart: 'yes' };
    expect(said('POST', '/request-upload', upload)).toEqual({
      'filename: must have at most 1024 characters': 'at_most',
      'size: must be more than 0': 'at_least',
      'multipart: must be true or false': 'type',
    });
    const contacts = { client_name: null, contacts: [], token_endpoint_auth_method: 'psk' };
    expect(said('POST', '/register', contacts)).toEqual({
      'client_name: must be a string': 'type',
      'contacts: must list 1 or more': 'at_least',
      'token_endpoint_auth_method: must be one of none, client_secret_basic, client_secret_post, private_key_jwt':
        'one_of',
    });
  });
});
