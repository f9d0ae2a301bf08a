import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readDer, readOid } from '../../../src/protocol/der.ts';
import { parseDistinguishedName } from '../../../src/protocol/distinguished-name.ts';

const same = (one: string, other: string) =>
  expect(parseDistinguishedName(one)).toEqual(parseDistinguishedName(other));

describe('RFC 4514: the string form of a distinguished name', () => {
  it('is the most specific part first', () => {
    expect(parseDistinguishedName('CN=nightly,O=Acme,C=DE')).toEqual([
      ['2.5.4.3=nightly'],
      ['2.5.4.10=Acme'],
      ['2.5.4.6=DE'],
    ]);
  });

  it.each([
    ['the case of a type', 'cn=a,o=b', 'CN=a,O=b'],
    ['a type by number', '2.5.4.3=a', 'CN=a'],
    ['the order within one relative name', 'CN=a+UID=b', 'UID=b+CN=a'],
    ['a character escaped by name or by number', 'O=Acme\\, Inc.', 'O=Acme\\2c Inc.'],
    ['UTF-8 written out or by bytes', 'CN=Lučić', 'CN=Lu\\C4\\8Di\\C4\\87'],
    ['a value in DER', 'CN=#0c03616263', 'CN=abc'],
    ['the string type of a value in DER', 'CN=#1303616263', 'CN=#0c03616263'],
    ['a space at the end, escaped', 'CN=a\\ ', 'CN=a\\20'],
  ])('is the same whatever %s', (_, one, other) => {
    expect(parseDistinguishedName(one)).toBeDefined();
    same(one, other);
  });

  it.each([
    ['the case of a value', 'CN=Nightly', 'CN=nightly'],
    ['the order of its parts', 'CN=a,O=b', 'O=b,CN=a'],
    ['two parts, or one of two attributes', 'CN=a,UID=b', 'CN=a+UID=b'],
    ['a comma that is escaped', 'CN=a\\,O=b', 'CN=a,O=b'],
    ['what only looks like DER', 'CN=\\#0c0161', 'CN=#0c0161'],
    ['one part more', 'CN=a,O=b', 'CN=a,O=b,O=b'],
    ['a value that is no text', 'CN=#0403616263', 'CN=abc'],
  ])('is another one with %s', (_, one, other) => {
    expect(parseDistinguishedName(one)).toBeDefined();
    expect(parseDistinguishedName(one)).not.toEqual(parseDistinguishedName(other));
  });

  it.each([
    '',
    'a',
    'CN',
    'CN=a,',
    ',CN=a',
    'CN=a;O=b',
    'CN = a',
    'CN=a, O=b',
    'CN=a ',
    'CN= a',
    'CN=#xyz',
    'CN=a\\',
    'CN=a\\x',
    'CN="a"',
    'CN=a\0b',
    'CN=\\ff',
    'unheard-of=a',
    '/CN=a/O=b',
    'CN=a++O=b',
  ])('is not %j', (text) => {
    expect(parseDistinguishedName(text)).toBeUndefined();
  });

  it('keeps any value, once it is escaped', () => {
    const escaped = (value: string) =>
      [...Buffer.from(value)].map((byte) => `\\${byte.toString(16).padStart(2, '0')}`).join('');
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1 }), (value) => {
        expect(parseDistinguishedName(`CN=${escaped(value)},O=b`)).toEqual([
          [`2.5.4.3=${value}`],
          ['2.5.4.10=b'],
        ]);
      }),
    );
  });

  it('is read in time that grows with its length', () => {
    const started = performance.now();
    parseDistinguishedName(`CN=${'\\,a'.repeat(100_000)};`);
    parseDistinguishedName(`CN=${'#0a'.repeat(100_000)};`);
    expect(performance.now() - started).toBeLessThan(1_000);
  });
});

describe('X.690: DER', () => {
  it('is read, whatever it holds, or refused as out of range, and never otherwise', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          const elements = readDer(Buffer.from(bytes));
          expect(Buffer.concat(elements.map(({ whole }) => whole))).toEqual(Buffer.from(bytes));
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
      }),
    );
  });

  it.each([
    ['a length in more bytes than it needs', '0c810161'],
    ['a length that begins with zero', '0c820001'],
    ['no definite length', '30800000'],
    ['less than it says', '0c0561'],
    ['a tag of several bytes', '1f8100'],
    ['a tag alone', '30'],
  ])('is not %s', (_, hex) => {
    expect(() => readDer(Buffer.from(hex, 'hex'))).toThrow(RangeError);
  });

  it.each([
    ['550403', '2.5.4.3'],
    ['2a864886f70d010901', '1.2.840.113549.1.9.1'],
    ['0992268993f22c640119', '0.9.2342.19200300.100.1.25'],
    ['883703', '2.999.3'],
  ])('names %s as %s', (hex, oid) => {
    expect(readOid(Buffer.from(hex, 'hex'))).toBe(oid);
  });

  it.each(
    ['', '80', '5504', '550480', '55048003', 'ffffffffffffffffffff7f'].filter(
      (hex) => hex !== '5504',
    ),
  )('names nothing by %j', (hex) => {
    expect(() => readOid(Buffer.from(hex, 'hex'))).toThrow(RangeError);
  });
});
