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

/** CPU time of this process, not the clock's: a busy machine does not make it longer. */
const milliseconds = (work: () => unknown): number => {
  const start = process.cpuUsage();
  try {
    work();
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error;
  }
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1_000;
};

/** Far above what linear work takes (below 10 ms), far below a quadratic reader (marks: 2 s). */
const BOUND = 400;

describe('N07: 50 KB of anything', () => {
  it.each(Object.entries(READERS))('is answered or refused by %s at once', (_, reader) => {
    const slow = UNITS.filter((unit) => {
      const text = filled(unit);
      const once = () => milliseconds(() => reader(text));
      return once() > BOUND && once() > BOUND; // a collection of garbage may fall into one
    });
    expect(slow).toEqual([]);
  });
});
