import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { calculateJwkThumbprint } from 'jose';
import { importPublicJwk, readPublicJwk } from '../../../src/identity/jwk.ts';

const jwkOf = ({ publicKey }: ReturnType<typeof generateKeyPairSync>) =>
  publicKey.export({ format: 'jwk' }) as Record<string, string>;
const rsa = (modulusLength: number, publicExponent = 65537) =>
  jwkOf(generateKeyPairSync('rsa', { modulusLength, publicExponent }));
const p256 = jwkOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }));
const samples: [string, Record<string, string>][] = [
  ['P-256', p256],
  ['P-384', jwkOf(generateKeyPairSync('ec', { namedCurve: 'P-384' }))],
  ['Ed25519', jwkOf(generateKeyPairSync('ed25519'))],
  ['RSA', rsa(2048)],
];
const usable = (jwk: unknown): boolean => {
  const read = readPublicJwk(jwk);
  return read !== undefined && importPublicJwk(read) !== undefined;
};

describe('public JWKs', () => {
  it.each(samples)('of type %s have the thumbprint RFC 7638 gives them', async (type, jwk) => {
    const read = readPublicJwk({ ...jwk, kid: 'ignored', use: 'sig' });
    expect(read?.type).toBe(type);
    expect(read?.thumbprint).toBe(await calculateJwkThumbprint(jwk));
    expect(usable(jwk)).toBe(true);
  });

  it.each([
    ['a private key', { ...p256, d: 'AAAA' }],
    ['a private member, whatever its value', { ...p256, d: null }],
    ['a symmetric key', { kty: 'oct', k: 'AAAA' }],
    ['a symmetric key posing as EC', { ...p256, k: 'AAAA' }],
    ['another curve', jwkOf(generateKeyPairSync('ec', { namedCurve: 'secp256k1' }))],
    ['another curve', jwkOf(generateKeyPairSync('x25519'))],
    ['another curve', jwkOf(generateKeyPairSync('ed448'))],
    ['half a key', { ...p256, y: undefined }],
    ['a coordinate that is no string', { ...p256, x: [p256.x] }],
    ['a quoted coordinate', { ...p256, x: `${p256.x}","y":"` }],
    ['a padded coordinate', { ...p256, x: `${p256.x}=` }],
    ['a short coordinate', { ...p256, x: 'AAAA' }],
    ['a coordinate with a needless zero', { ...p256, x: `AA${p256.x}` }],
    ['a point off the curve', { ...p256, y: Buffer.alloc(32, 1).toString('base64url') }],
    ['RSA of 1024 bits', rsa(1024)],
    ['RSA with exponent 1', { ...rsa(2048), e: 'AQ' }],
    ['RSA with an even exponent', { ...rsa(2048), e: 'Ag' }],
    [
      'RSA with a long exponent',
      { ...rsa(2048), e: Buffer.alloc(128, 0xff).toString('base64url') },
    ],
    ['RSA of 16384 bits', { ...rsa(2048), n: Buffer.alloc(2048, 0xff).toString('base64url') }],
    ['a text', 'jwk'],
    ['null', null],
    ['a list', [p256]],
  ])('are not %s', (_, jwk) => expect(usable(jwk)).toBe(false));

  it('have one spelling of RSA numbers', () => {
    const jwk = rsa(2048);
    const padded = Buffer.concat([Buffer.from([0]), Buffer.from(jwk.n!, 'base64url')]);
    expect(usable({ ...jwk, n: padded.toString('base64url') })).toBe(false);
  });
});
