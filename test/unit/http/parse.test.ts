import { describe, expect, it } from '@jest/globals';
import type { z } from 'zod';
import { parseWith } from '../../../src/http/parse.ts';
import { revocationBody } from '../../../src/http/wire/admin.ts';
import { exchangeBody } from '../../../src/http/wire/exchange.ts';
import { uploadBody } from '../../../src/http/wire/upload.ts';
import { OAuthError, type Violation } from '../../../src/protocol/oauth-error.ts';

const violationsOf = (schema: z.ZodType, body: object): readonly Violation[] => {
  try {
    parseWith(schema, body);
  } catch (error) {
    if (error instanceof OAuthError) return error.violations;
    throw error;
  }
  throw new Error('it was taken');
};

describe('a member that a body does not have', () => {
  it.each<[string, z.ZodType, object, string, string]>([
    ['a typo', uploadBody, { fileName: 'a' }, 'fileName', 'filename'],
    ['another spelling', uploadBody, { content_type: 'a/b' }, 'content_type', 'contentType'],
    ['a letter less', exchangeBody, { resorce: 'x' }, 'resorce', 'resource'],
    [
      'one below another',
      exchangeBody,
      { constraints: { maxsize: 1 } },
      'constraints.maxsize',
      'max_size',
    ],
    ['a target', revocationBody, { target: { appid: 'x' } }, 'target.appid', 'app_id'],
  ])('is met with the one that was meant: %s', (_, schema, body, field, meant) => {
    expect(violationsOf(schema, body)).toContainEqual(
      expect.objectContaining({
        field,
        rule: 'unknown_member',
        remedy: `did you mean "${meant}"? /docs shows every member`,
      }),
    );
  });

  it('is met without a guess where nothing is close', () => {
    expect(violationsOf(exchangeBody, { isAdmin: true })).toMatchObject([
      { field: 'isAdmin', remedy: 'leave it out; /docs shows every member' },
    ]);
  });

  it('costs little, however many there are', () => {
    const many = Object.fromEntries(Array.from({ length: 4_000 }, (_, n) => [`resorce${n}`, 1]));
    const begun = performance.now();
    const guesses = violationsOf(exchangeBody, many).filter(({ remedy }) => /mean/.test(remedy));
    expect(guesses).toHaveLength(8);
    expect(performance.now() - begun).toBeLessThan(500);
  });
});
