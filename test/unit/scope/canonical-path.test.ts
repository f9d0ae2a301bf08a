import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  canonicalDecodedPrefix,
  canonicalKey,
  canonicalPath,
  canonicalPrefix,
  isUnder,
  objectKey,
  STAGING_PREFIX,
} from '../../../src/scope/canonical-path.ts';
import { hostilePath, prefix } from './arbitraries.ts';
import { refusalOf, refusedFor } from './refusal.ts';

const acceptedBy = (attempt: () => string): string | undefined => {
  try {
    return attempt();
  } catch {
    return undefined;
  }
};

/** What no path may contain, as the middle of one. */
const TRAVERSAL: readonly (readonly [string, string])[] = [
  ['..', 'path_dot_segment'],
  ['.', 'path_dot_segment'],
  ['..%2f', 'path_dot_segment'],
  ['%2e%2e', 'path_dot_segment'],
  ['%2E%2e%2Fb', 'path_dot_segment'],
  ['a/../../b', 'path_dot_segment'],
  ['%252e%252e', 'path_encoded_twice'],
  ['%25252e', 'path_encoded_twice'],
  ['100%25', 'path_encoded_twice'],
  ['100%', 'path_encoding'],
  ['%zz', 'path_encoding'],
  ['%ff', 'path_encoding'],
  ['%c0%ae%c0%ae', 'path_encoding'], // overlong UTF-8 of `..`
  ['%ed%a0%80', 'path_encoding'], // a surrogate, in UTF-8
  ['..\\', 'path_backslash'],
  ['a%5cb', 'path_backslash'],
  ['a//b', 'path_empty_segment'],
  ['a/%2f/b', 'path_empty_segment'],
  ['a\0b', 'path_characters'],
  ['a%00b', 'path_characters'],
  ['a\nb', 'path_characters'],
  ['a\u007fb', 'path_characters'],
  ['a\u0085b', 'path_characters'],
  ['a\u2028b', 'path_characters'],
  ['a\ud800b', 'path_characters'],
  ['a\u202eb', 'path_characters'], // right-to-left override
  ['a\u200bb', 'path_characters'], // shows like `ab`
  ['.\u200b.', 'path_characters'],
  ['a\u034fb', 'path_characters'],
  ['a\u3164b', 'path_characters'],
  ['a\ufe0fb', 'path_characters'],
  ['a\uffffb', 'path_characters'],
  ['\uff0e\uff0e', 'path_lookalike'],
  ['a\uff0fb', 'path_lookalike'],
  ['a\u2024b', 'path_lookalike'],
  ['a\u2026b', 'path_lookalike'],
  ['a\ufe68b', 'path_lookalike'],
  ['a\uff05b', 'path_lookalike'],
  ['a.', 'path_trailing'],
  ['...', 'path_trailing'],
  ['a ', 'path_trailing'],
  ['a%20', 'path_trailing'],
  ['a\u00a0', 'path_trailing'],
  [`a${'\u0301'.repeat(40)}`, 'path_marks'],
];

describe('canonical paths', () => {
  it.each([
    ['/', '/'],
    ['/a/b/', '/a/b/'],
    ['/a%2Fb/', '/a/b/'],
    ['/a%20b/', '/a b/'],
    ['/Men%C3%BC/', '/Menü/'],
    ['/Menu\u0308/', '/Men\u00fc/'],
    ['/Menu%CC%88/', '/Men\u00fc/'],
    ['/.hidden/a.b/+/', '/.hidden/a.b/+/'],
  ])('decodes once and composes: %s is %s', (text, canonical) => {
    expect(canonicalPrefix(text)).toBe(canonical);
  });

  it.each(TRAVERSAL)('S01 refuses %j in a prefix, a folder and a key', (text, rule) => {
    const refusal = `invalid_request: ${rule}`;
    expect(refusedFor(() => canonicalPrefix(`/x/${text}/y/`))).toBe(refusal);
    expect(refusedFor(() => canonicalPath(`x/${text}/y`))).toBe(refusal);
    expect(refusedFor(() => canonicalKey(`x/${text}/y`))).toBe(refusal);
  });

  it('names the field, the rule and a remedy', () => {
    expect(refusalOf(() => canonicalPrefix('/../', 'constraints.prefix')).violations).toEqual([
      {
        field: 'constraints.prefix',
        rule: 'path_dot_segment',
        message: expect.any(String),
        remedy: expect.any(String),
      },
    ]);
  });

  it.each(['', 'a', '/a', 'a/', '%2fa'])(
    'refuses %j as a prefix: its slashes are missing',
    (text) => {
      expect(refusedFor(() => canonicalPrefix(text))).toBe('invalid_request: prefix_slashes');
    },
  );

  it.each(['//', '///', '%2f/', '/%2f', '//a/'])('S01 refuses %j: it is not the root', (text) => {
    expect(refusedFor(() => canonicalPrefix(text))).toBe('invalid_request: path_empty_segment');
  });

  it.each([
    ['menus', 'menus/'],
    ['menus/', 'menus/'],
    ['menus%2F2027', 'menus/2027/'],
  ])('reads the folder %s as %s', (text, canonical) => {
    expect(canonicalPath(text)).toBe(canonical);
  });

  it.each([
    ['/etc', 'path_relative'],
    ['%2fetc', 'path_relative'],
    ['', 'path_empty_segment'],
    ['a//', 'path_empty_segment'],
  ])('refuses %j as a folder', (text, rule) => {
    expect(refusedFor(() => canonicalPath(text))).toBe(`invalid_request: ${rule}`);
  });

  it('reads a key with or without its first slash', () => {
    expect(canonicalKey('/a/b.png')).toBe('a/b.png');
    expect(canonicalKey('a/b.png')).toBe('a/b.png');
  });

  it.each([
    ['a/', 'key_object'],
    ['/', 'key_object'],
    ['', 'path_empty_segment'],
    ['//a', 'path_empty_segment'],
  ])('refuses %j as a key', (text, rule) => {
    expect(refusedFor(() => canonicalKey(text))).toBe(`invalid_request: ${rule}`);
  });

  it.each([
    STAGING_PREFIX,
    '.DAYPASS-Staging/',
    '.daypa\u017f\u017f-staging/', // long s: S to a file system that folds case
    '%2edaypass-staging/a/',
  ])('keeps staging (%s) out of every path', (staging) => {
    expect(refusedFor(() => canonicalPrefix(`/${staging}`))).toMatch('path_reserved');
    expect(refusedFor(() => canonicalPath(staging))).toMatch('path_reserved');
    expect(refusedFor(() => canonicalKey(`${staging}x`))).toMatch('path_reserved');
  });

  it('lets a deeper folder have the name of staging', () => {
    expect(canonicalPrefix(`/a/${STAGING_PREFIX}`)).toBe(`/a/${STAGING_PREFIX}`);
  });

  it('takes a key of 1,024 bytes and refuses one of 1,025, however it is written', () => {
    expect(canonicalKey('é'.repeat(512))).toHaveLength(512);
    expect(canonicalKey('%65%cc%81'.repeat(512))).toHaveLength(512);
    expect(refusedFor(() => canonicalKey(`${'é'.repeat(512)}a`))).toMatch('path_length');
    expect(canonicalPrefix(`/${'a'.repeat(1023)}/`)).toHaveLength(1025);
    expect(refusedFor(() => canonicalPrefix(`/${'a'.repeat(1024)}/`))).toMatch('path_length');
    expect(canonicalPath('a'.repeat(1023))).toHaveLength(1024);
    expect(refusedFor(() => canonicalPath('a'.repeat(1024)))).toMatch('path_length');
  });

  it('does not decode what was decoded before', () => {
    expect(canonicalDecodedPrefix('/a b/')).toBe('/a b/');
    expect(refusedFor(() => canonicalDecodedPrefix('/%61/'))).toMatch('path_encoded_twice');
  });

  it('is idempotent, and whatever it accepts is safe', () => {
    fc.assert(
      fc.property(fc.oneof(prefix(), hostilePath()), (text) => {
        const once = acceptedBy(() => canonicalPrefix(`/${text}/`));
        if (once === undefined) return;
        expect(canonicalPrefix(once)).toBe(once);
        expect(canonicalDecodedPrefix(once)).toBe(once);
        expect(once.normalize('NFC')).toBe(once);
        expect(decodeURIComponent(once)).toBe(once);
        // A URL parser is a second opinion: it resolves dots, drops tabs and turns backslashes.
        const url = new URL(`https://x${encodeURI(once)}`);
        expect(decodeURIComponent(url.pathname)).toBe(once);
        expect(once.startsWith(`/${STAGING_PREFIX}`)).toBe(false);
      }),
      { numRuns: 1_000 },
    );
  });

  it('gives the composed and the decomposed spelling one path', () => {
    fc.assert(
      fc.property(prefix(), (path) => {
        expect(canonicalPrefix(path.normalize('NFD'))).toBe(path);
        expect(canonicalPrefix(encodeURIComponent(path))).toBe(path);
      }),
    );
  });
});

describe('isUnder', () => {
  it.each([
    ['/a/', '/a/', true],
    ['/a/', '/a/b/', true],
    ['/a/', '/a/b.png', true],
    ['/', '/a/', true],
    ['/a/', '/ab/', false],
    ['/a/', '/a', false],
    ['/a/', '/', false],
    ['/a', '/ab/', false], // a prefix that lost its last slash holds nothing
    ['', '/a/', false],
  ])('S01 compares by whole segments: %j holds %j is %p', (outer, inner, held) => {
    expect(isUnder(outer, inner)).toBe(held);
  });
});

describe('objectKey', () => {
  const parts = { prefix: '/a/u_1/', objectId: 'o1', fileName: 'menu.png' };

  it('puts prefix, folder, object id and file name together, without the first slash', () => {
    expect(objectKey(parts)).toBe('a/u_1/o1/menu.png');
    expect(objectKey({ ...parts, path: 'b/c/' })).toBe('a/u_1/b/c/o1/menu.png');
    expect(objectKey({ ...parts, prefix: '/' })).toBe('o1/menu.png');
  });

  it('measures the whole key', () => {
    const path = `${'a'.repeat(1010)}/`;
    expect(refusedFor(() => objectKey({ ...parts, path }))).toMatch('path_length');
  });

  it.each([
    ['a part that climbs', { path: '../' }],
    ['a part that is not composed', { path: 'e\u0301/' }],
    ['a file name that is a path', { fileName: '../x' }],
    ['an encoded part', { path: '%2e%2e/' }],
    ['a prefix without its slashes', { prefix: 'a/' }],
    ['staging as a folder of the whole bucket', { prefix: '/', path: STAGING_PREFIX }],
  ])('refuses %s', (_, change) => {
    expect(refusalOf(() => objectKey({ ...parts, ...change })).code).toBe('invalid_request');
  });
});
