import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { scopeTokens } from '../../../src/scope/scope-tokens.ts';
import {
  isStorageScope,
  parseStorageScope,
  printStorageScope,
  readStorageScope,
} from '../../../src/scope/storage-scope.ts';
import { hostilePath, storageScope } from './arbitraries.ts';
import { refusalOf, refusedFor } from './refusal.ts';

const SCOPE = 'storage:bucket:project-123:write';

describe('storage scopes', () => {
  it.each([
    ['storage:bucket:b:read', { bucket: 'b', action: 'read' }],
    [
      `${SCOPE}:prefix=/w/Men%C3%BC/u_1/:max_size=10000000:types=application/pdf,image/*`,
      {
        bucket: 'project-123',
        action: 'write',
        prefix: '/w/Menü/u_1/',
        max_size: 10_000_000,
        content_types: ['application/pdf', 'image/*'],
      },
    ],
    [
      'storage:bucket:b:list:prefix=/%21%27%28%29%2C%3A%3D%20%40/~-_.z/*+/',
      { bucket: 'b', action: 'list', prefix: "/!'(),:= @/~-_.z/*+/" },
    ],
    [
      'storage:bucket:b:delete:types=application/x%21%23%24%26%5E,image/svg+xml',
      { bucket: 'b', action: 'delete', content_types: ['application/x!#$&^', 'image/svg+xml'] },
    ],
  ])('reads and prints %s', (text, scope) => {
    expect(parseStorageScope(text)).toEqual(scope);
    expect(printStorageScope(parseStorageScope(text))).toBe(text);
  });

  it.each([
    ['', 'scope_syntax'],
    ['storage', 'scope_syntax'],
    ['storage:bucket:b', 'scope_syntax'],
    ['storage:bucket::read', 'scope_syntax'],
    ['storage:bucket:__proto__:read', 'scope_syntax'],
    ['storage:bucket:B:read', 'scope_syntax'],
    ['storage:bucket:%62:read', 'scope_syntax'],
    ['storage:file:b:read', 'scope_syntax'],
    ['Storage:bucket:b:read', 'scope_syntax'],
    ['storage:bucket:b:Read', 'scope_syntax'],
    ['storage:bucket:b:*', 'scope_syntax'],
    ['storage:bucket:b:read,write', 'scope_syntax'],
    ['storage:bucket:b:__proto__', 'scope_syntax'],
    [`${SCOPE}:`, 'scope_syntax'],
    [`${SCOPE}:prefix`, 'scope_syntax'],
    [`${SCOPE}:__proto__=/a/`, 'scope_syntax'],
    [`${SCOPE}:content_types=a/b`, 'scope_syntax'],
    [`${SCOPE}:max_size=1:prefix=/a/`, 'scope_syntax'],
    [`${SCOPE}:types=a/b:max_size=1`, 'scope_syntax'],
    [`${SCOPE}:prefix=/a/:prefix=/`, 'scope_syntax'],
    [`${SCOPE}:prefix=/a/:max_size=1:types=a/b:x=1`, 'scope_syntax'],
    [`${SCOPE}:prefix=/a/:max_size=1:types=a/b:x=1:y=2:z=3`, 'scope_syntax'],
    [`${SCOPE}:prefix=`, 'prefix_slashes'],
    [`${SCOPE}:prefix=/a`, 'prefix_slashes'],
    [`${SCOPE}:prefix=/../`, 'path_dot_segment'],
    [`${SCOPE}:prefix=/%2e%2e/`, 'path_dot_segment'],
    [`${SCOPE}:prefix=/%252e%252e/`, 'path_encoded_twice'],
    [`${SCOPE}:prefix=/%zz/`, 'path_encoded_twice'],
    [`${SCOPE}:prefix=/%FF/`, 'path_encoded_twice'],
    [`${SCOPE}:prefix=/%00/`, 'path_characters'],
    [`${SCOPE}:prefix=/.daypass-staging/`, 'path_reserved'],
    [`${SCOPE}:max_size=`, 'max_size'],
    [`${SCOPE}:max_size=0`, 'max_size'],
    [`${SCOPE}:max_size=01`, 'max_size'],
    [`${SCOPE}:max_size=-1`, 'max_size'],
    [`${SCOPE}:max_size=1e3`, 'max_size'],
    [`${SCOPE}:max_size=%31`, 'max_size'],
    [`${SCOPE}:max_size=9007199254740992`, 'max_size'],
    [`${SCOPE}:types=`, 'media_range'],
    [`${SCOPE}:types=image/png,`, 'media_range'],
    [`${SCOPE}:types=image/png%2Ctext/csv`, 'media_range'],
    [`${SCOPE}:types=text/csv%3Bq%3D1`, 'media_range'],
    [`${SCOPE}:prefix=/%61/`, 'scope_not_canonical'],
    [`${SCOPE}:prefix=/%c3%bc/`, 'scope_not_canonical'],
    [`${SCOPE}:prefix=/ü/`, 'scope_not_canonical'],
    [`${SCOPE}:prefix=/u%CC%88/`, 'scope_not_canonical'],
    [`${SCOPE}:prefix=%2Fa%2F`, 'scope_not_canonical'],
    [`${SCOPE}:prefix=/a=b/`, 'scope_not_canonical'],
    [`${SCOPE}:types=Image/png`, 'scope_not_canonical'],
    [`${SCOPE}:types=text/csv,image/png`, 'scope_not_canonical'],
    [`${SCOPE}:types=image/png,image/png`, 'scope_not_canonical'],
    [`${SCOPE}:types=image/*,image/png`, 'scope_not_canonical'],
  ])('T07 refuses %s', (text, rule) => {
    expect(refusedFor(() => parseStorageScope(text))).toBe(`invalid_scope: ${rule}`);
  });

  it('tells the canonical spelling to who wrote another', () => {
    const { violations } = refusalOf(() => parseStorageScope(`${SCOPE}:prefix=/%61%3a/`));
    expect(violations).toMatchObject([
      { field: 'scope', remedy: `write it as ${SCOPE}:prefix=/a%3A/` },
    ]);
  });

  it('reads back what it prints, and prints what it read', () => {
    fc.assert(
      fc.property(storageScope(), (scope) => {
        const text = printStorageScope(scope);
        expect(parseStorageScope(text)).toEqual(scope);
        expect(scopeTokens(text)).toEqual([text]);
        expect(isStorageScope(text)).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });

  it('accepts no text that it would print otherwise', () => {
    const text = fc.oneof(
      fc.tuple(hostilePath(), hostilePath()).map(([a, b]) => `${SCOPE}:prefix=/${a}/:types=${b}`),
      fc.tuple(storageScope(), fc.nat(), fc.string({ maxLength: 3 })).map(([scope, at, noise]) => {
        const printed = printStorageScope(scope);
        const cut = at % printed.length;
        return `${printed.slice(0, cut)}${noise}${printed.slice(cut + 1)}`;
      }),
    );
    fc.assert(
      fc.property(text, (candidate) => {
        const reading = readStorageScope(candidate);
        if ('value' in reading) expect(printStorageScope(reading.value)).toBe(candidate);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('scope tokens (RFC 6749 §3.3)', () => {
  it('are separated by one space, and each counts once', () => {
    expect(scopeTokens('orders:read')).toEqual(['orders:read']);
    expect(scopeTokens('b a b')).toEqual(['b', 'a']);
    expect(scopeTokens('!#[]~')).toEqual(['!#[]~']);
  });

  it.each([
    '',
    ' ',
    ' a',
    'a ',
    'a  b',
    'a\tb',
    'a\nb',
    'a\0',
    'a"b',
    'a\\b',
    'ü',
    'a\u007f',
    'a\u00a0b',
  ])('T07 refuses %j', (text) => {
    expect(refusedFor(() => scopeTokens(text))).toBe('invalid_scope: scope_syntax');
  });
});
