import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { canonicalKey } from '../../../src/scope/canonical-path.ts';
import { safeFileName } from '../../../src/scope/safe-file-name.ts';
import { hostilePath } from './arbitraries.ts';
import { refusalOf, refusedFor } from './refusal.ts';

describe('safe file names', () => {
  it.each([
    ['menu.png', 'menu.png'],
    ['Menü (1).png', 'Men___1_.png'],
    ['Menu\u0308.png', 'Men_.png'],
    ['食😀.png', '__.png'],
    ['a..b...c', 'a.b.c'],
    ['..env', '.env'],
    ['100%.pdf', '100_.pdf'],
    ['a%20b', 'a_20b'],
    ['???', '___'],
    ['<script>', '_script_'],
  ])('makes %j %j', (name, safe) => {
    expect(safeFileName(name)).toBe(safe);
  });

  it.each([
    ['', 'file_name_empty'],
    ['.', 'file_name_path'],
    ['..', 'file_name_path'],
    ['...', 'file_name_trailing'],
    ['/etc', 'file_name_path'],
    ['a/b', 'file_name_path'],
    ['../a', 'file_name_path'],
    ['..\\a', 'file_name_path'],
    ['..%2fa', 'file_name_path'],
    ['..%2Fa', 'file_name_path'],
    ['%2e%2e%5Ca', 'file_name_path'],
    ['%252e', 'file_name_path'],
    ['a%00b', 'file_name_path'],
    ['a\0b', 'file_name_characters'],
    ['a\r\nb', 'file_name_characters'],
    ['a\u009bb', 'file_name_characters'],
    ['a\ud800b', 'file_name_characters'],
    ['a.', 'file_name_trailing'],
    ['a ', 'file_name_trailing'],
    ['a'.repeat(5_000), 'file_name_length'],
  ])('S01 refuses %j', (name, rule) => {
    expect(refusedFor(() => safeFileName(name))).toBe(`invalid_request: ${rule}`);
  });

  it('names the field as the wire has it', () => {
    expect(refusalOf(() => safeFileName('a/b')).violations[0]?.field).toBe('filename');
  });

  it('keeps 128 bytes, and of a long name the extension', () => {
    expect(safeFileName('a'.repeat(128))).toBe('a'.repeat(128));
    expect(safeFileName(`${'a'.repeat(300)}.png`)).toBe(`${'a'.repeat(124)}.png`);
    expect(safeFileName('a'.repeat(300))).toBe('a'.repeat(128));
    // Cut just behind a dot: no run of dots, and no dot at the end.
    expect(safeFileName(`${'a'.repeat(123)}.${'b'.repeat(99)}.png`)).toBe(`${'a'.repeat(123)}.png`);
    expect(safeFileName(`${'a'.repeat(127)}.${'b'.repeat(99)}`)).toBe('a'.repeat(127));
  });

  it('is idempotent, and what it accepts is one segment of a key', () => {
    const names = fc.oneof(hostilePath(), fc.string({ unit: 'grapheme', maxLength: 300 }));
    fc.assert(
      fc.property(names, (name) => {
        let safe: string;
        try {
          safe = safeFileName(name);
        } catch (error) {
          expect(error).toMatchObject({ code: 'invalid_request' });
          return;
        }
        expect(safe).toMatch(/^(?!.*\.\.)[A-Za-z0-9._-]{1,128}$/);
        expect(safeFileName(safe)).toBe(safe);
        expect(canonicalKey(`o1/${safe}`)).toBe(`o1/${safe}`);
      }),
      { numRuns: 1_000 },
    );
  });
});
