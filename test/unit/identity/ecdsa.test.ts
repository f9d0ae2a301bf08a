import { createHash, generateKeyPairSync, sign, verify } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { signEs256, verifySignature } from '../../../src/identity/jwt.ts';
import { decodeBase64url } from '../../../src/protocol/base64url.ts';
import { derToJose, joseToDer } from '../../../src/protocol/ecdsa.ts';

const curves = ['P-256', 'P-384'] as const;
const keys = Object.fromEntries(
  curves.map((namedCurve) => [namedCurve, generateKeyPairSync('ec', { namedCurve })]),
);

describe('ECDSA signatures between DER and JOSE (RFC 7518 §3.4)', () => {
  it.each(curves)('convert both ways on %s and mean the same', (curve) => {
    const { privateKey, publicKey } = keys[curve]!;
    fc.assert(
      fc.property(fc.uint8Array(), (data) => {
        const der = sign('sha256', data, privateKey);
        const jose = derToJose(der, curve);
        const options = { key: publicKey, dsaEncoding: 'ieee-p1363' } as const;
        expect(verify('sha256', data, options, jose)).toBe(true);
        expect(joseToDer(jose, curve)).toEqual(der);
      }),
      { numRuns: 50 },
    );
  });

  it('convert any r and s in range, however short', () => {
    const scalar = fc.tuple(fc.integer({ min: 0, max: 31 }), fc.uint8Array({ minLength: 1 }));
    fc.assert(
      fc.property(scalar, scalar, (...scalars) => {
        const jose = Buffer.concat(
          scalars.map(([zeros, [first = 1]]) => {
            const number = Buffer.alloc(32, 0x01);
            number.fill(0, 0, zeros);
            number[zeros] = Math.min(Math.max(first, 1), 0xfe);
            return number;
          }),
        );
        expect(derToJose(joseToDer(jose))).toEqual(jose);
      }),
    );
  });

  it.each([
    ['empty', ''],
    ['not a sequence', '3106020101020101'],
    ['a wrong length', '3007020101020101'],
    ['trailing bytes', '30080201010201010000'],
    ['a long form length', '308106020101020101'],
    ['a needless zero', '300702020001020101'],
    ['a negative r', '3006020181020101'],
    ['a zero r', '3006020100020101'],
    ['an empty integer', '30050200020101'],
    ['an integer beyond its end', '3006020501020101'],
    ['only r', '3003020101'],
    ['r above the order', `3026022100${'ff'.repeat(32)}020101`],
    ['r wider than the curve', `30260221${'01'.repeat(33)}020101`],
  ])('refuse DER that is %s', (_, hex) =>
    expect(() => derToJose(Buffer.from(hex, 'hex'))).toThrow(RangeError),
  );

  const one = Buffer.from('1'.padStart(64, '0'), 'hex');
  const order = Buffer.from(
    'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551',
    'hex',
  );
  const last = Buffer.from(order);
  last[31]! -= 1;

  it('convert from the smallest to the largest number', () => {
    for (const jose of [Buffer.concat([one, last]), Buffer.concat([last, one])]) {
      expect(derToJose(joseToDer(jose))).toEqual(jose);
    }
  });

  it.each([
    ['r = 0', [Buffer.alloc(32), one]],
    ['s = 0', [one, Buffer.alloc(32)]],
    ['r = n', [order, one]],
    ['s = n', [one, order]],
    ['only r', [one]],
    ['half of s', [one, one.subarray(16)]],
    ['a byte too many', [one, one, Buffer.alloc(1)]],
    ['the width of P-384', [Buffer.alloc(16), one, Buffer.alloc(16), one]],
    ['nothing', []],
  ])('refuse the JOSE form with %s', (_, parts) =>
    expect(() => joseToDer(Buffer.concat(parts))).toThrow(RangeError),
  );

  it('sign ES256 in the JOSE form', () => {
    const { privateKey, publicKey } = keys['P-256']!;
    const signature = Buffer.from(signEs256(privateKey, 'a.b'), 'base64url');
    expect(signature).toHaveLength(64);
    expect(verifySignature('ES256', publicKey, 'a.b', signature)).toBe(true);
    expect(verifySignature('ES256', publicKey, 'a.c', signature)).toBe(false);
    expect(verifySignature('ES384', publicKey, 'a.b', signature)).toBe(false);
    expect(verifySignature('ES256', privateKey, 'a.b', signature)).toBe(false);
  });
});

describe('base64url', () => {
  it('has one spelling for every value', () =>
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const text = Buffer.from(bytes).toString('base64url');
        expect(decodeBase64url(text)).toEqual(Buffer.from(bytes));
      }),
    ));

  it('refuses every other string', () =>
    fc.assert(
      fc.property(fc.string(), (text) => {
        const bytes = decodeBase64url(text);
        expect(bytes === undefined || bytes.toString('base64url') === text).toBe(true);
      }),
    ));

  it.each(['YQ==', 'YR', 'Y', 'Y Q', 'YQ\n', '+/8', 'YQ.', 'é'])('refuses %j', (text) =>
    expect(decodeBase64url(text)).toBeUndefined(),
  );

  it('spells a digest as Node does', () => {
    const digest = createHash('sha256').update('x').digest();
    expect(decodeBase64url(digest.toString('base64url'))).toEqual(digest);
  });
});
