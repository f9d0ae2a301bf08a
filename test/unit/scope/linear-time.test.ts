import { describe, expect, it } from '@jest/globals';
import { OAuthError } from '../../../src/protocol/oauth-error.ts';
import * as scope from '../../../src/scope/scope.ts';

const SIZE = 50_000;
const filled = (unit: string, size = SIZE): string => unit.repeat(Math.ceil(size / unit.length));

const IDS = { app_id: 'a', user_id: 'u' };

const READERS: Readonly<Record<string, (text: string) => unknown>> = {
  canonicalPrefix: (text) => scope.canonicalPrefix(`/${text}/`),
  canonicalDecodedPrefix: (text) => scope.canonicalDecodedPrefix(`/${text}/`),
  canonicalPath: scope.canonicalPath,
  canonicalKey: scope.canonicalKey,
  safeFileName: scope.safeFileName,
  fillPrefix: (text) => scope.fillPrefix(`/${text}/`, IDS),
  prefixPlaceholders: scope.prefixPlaceholders,
  scopeTokens: scope.scopeTokens,
  parseStorageScope: scope.parseStorageScope,
  'a prefix in a scope': (text) =>
    scope.parseStorageScope(`storage:bucket:a:read:prefix=/${encodeURIComponent(text)}/`),
  'types in a scope': (text) => scope.parseStorageScope(`storage:bucket:a:read:types=${text}`),
  parseResource: scope.parseResource,
  'a path of a resource': (text) => scope.parseResource(`https://rs/${text}`),
  parseSize: scope.parseSize,
  parseDuration: scope.parseDuration,
  canonicalMediaRanges: (text) => scope.canonicalMediaRanges([text]),
  parseAuthorizationDetails: (text) =>
    scope.parseAuthorizationDetails([
      { type: text, locations: [text], actions: [text], prefix: `/${text}/`, [text]: text },
    ]),
};

const UNITS = [
  'a',
  '/',
  '.',
  'a/',
  '../',
  '%',
  '%2',
  '%2e',
  '%25',
  '%cc%81%cc%96',
  ' ',
  ':',
  '=',
  ',',
  'a/b,',
  '{',
  '{}',
  '{user_id}',
  '\\',
  '\0',
  '9',
  '*/',
  '／',
  '￼',
  'e\u0301',
  '\u0301\u0316',
  '😀',
  'a.',
  '[',
  '@',
  '#',
  '-',
  '_',
  'A',
];

const milliseconds = (work: () => unknown): number => {
  const start = process.hrtime.bigint();
  try {
    work();
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error;
  }
  return Number(process.hrtime.bigint() - start) / 1e6;
};

describe('N07: 50 KB of anything', () => {
  it.each(Object.entries(READERS))('is answered or refused by %s at once', (_, reader) => {
    for (const unit of UNITS) {
      const text = filled(unit);
      // The best of five, and a bound no quadratic reader meets (normalising the marks alone takes
      // 600 ms): a busy machine makes a run slow, it does not make all of them slow.
      const best = Math.min(...Array.from({ length: 5 }, () => milliseconds(() => reader(text))));
      expect({ unit, slow: best > 50 }).toEqual({ unit, slow: false });
    }
  });
});
