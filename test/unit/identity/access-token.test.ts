import { generateKeyPairSync, type JsonWebKey, type KeyObject, sign } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { createAccessTokenReader } from '../../../src/identity/access-token.ts';

const issuer = 'https://daypass.example';
const claims = { iss: issuer, jti: 'tk_1', scope: 'orders:read' };

const newKey = (kid: string) => {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const jwk: JsonWebKey = { ...pair.publicKey.export({ format: 'jwk' }), kid, alg: 'ES256' };
  return { jwk, privateKey: pair.privateKey };
};

const jwt = (privateKey: KeyObject, header: object, payload: object = claims): string => {
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
  const input = `${encode({ alg: 'ES256', typ: 'at+jwt', ...header })}.${encode(payload)}`;
  const signature = sign('sha256', Buffer.from(input), {
    key: privateKey,
    dsaEncoding: 'ieee-p1363',
  });
  return `${input}.${signature.toString('base64url')}`;
};

const active = newKey('active');
const retiring = newKey('retiring');
let published = [active.jwk, retiring.jwk];
const read = createAccessTokenReader({ issuer, published: () => published });

describe('an access token that we signed', () => {
  it.each([active, retiring])('is read under every published key', ({ jwk, privateKey }) => {
    const token = jwt(privateKey, { kid: jwk.kid });
    expect(read(token)).toEqual({ tokenId: 'tk_1', kid: jwk.kid });
  });

  it('is nothing any more once its key is no longer published', () => {
    const token = jwt(retiring.privateKey, { kid: 'retiring' });
    expect(read(token)).toBeDefined();
    published = [active.jwk];
    expect(read(token)).toBeUndefined();
    published = [active.jwk, retiring.jwk];
  });

  it('is nothing any more once another key has its name, and is read again under a copy of its own', () => {
    const token = jwt(active.privateKey, { kid: 'active' });
    expect(read(token)).toBeDefined();
    published = [newKey('active').jwk];
    expect(read(token)).toBeUndefined();
    published = [{ ...active.jwk }, retiring.jwk];
    expect(read(token)).toEqual({ tokenId: 'tk_1', kid: 'active' });
  });

  it('is not what differs from it by its signature', () => {
    const token = jwt(active.privateKey, { kid: 'active' });
    expect(read(token)).toBeDefined();
    expect(
      read(`${token.slice(0, -86)}${jwt(retiring.privateKey, { kid: 'active' }).slice(-86)}`),
    ).toBeUndefined();
  });

  it('is read in each algorithm a key of ours may have', () => {
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const jwk = { ...rsa.publicKey.export({ format: 'jwk' }), kid: 'rsa', alg: 'RS256' };
    const reader = createAccessTokenReader({ issuer, published: () => [jwk] });
    expect(reader(jwt(rsa.privateKey, { kid: 'rsa', alg: 'RS256' }))).toMatchObject({ kid: 'rsa' });
    expect(reader(jwt(rsa.privateKey, { kid: 'rsa', alg: 'PS256' }))).toBeUndefined();
  });

  it.each<[string, string]>([
    ['another type that the same key signs', jwt(active.privateKey, { kid: 'active', typ: 'JWT' })],
    [
      'an answer of introspection',
      jwt(active.privateKey, { kid: 'active', typ: 'token-introspection+jwt' }),
    ],
    ['the name of another key', jwt(active.privateKey, { kid: 'retiring' })],
    ['the name of no key', jwt(active.privateKey, { kid: 'unknown' })],
    ['no name of a key', jwt(active.privateKey, {})],
    ['an algorithm that is not the key’s', jwt(active.privateKey, { kid: 'active', alg: 'ES384' })],
    ['none', `${jwt(active.privateKey, { kid: 'active', alg: 'none' }).replace(/[^.]*$/, '')}`],
    ['another issuer', jwt(active.privateKey, { kid: 'active' }, { ...claims, iss: 'https://x' })],
    ['no id', jwt(active.privateKey, { kid: 'active' }, { iss: issuer })],
    ['an id that is no text', jwt(active.privateKey, { kid: 'active' }, { ...claims, jti: ['x'] })],
    ['a key of its own', jwt(newKey('active').privateKey, { kid: 'active' })],
    [
      'more than we ever sign',
      jwt(active.privateKey, { kid: 'active' }, { ...claims, x: 'x'.repeat(20_000) }),
    ],
    ['no JWT', 'dp_at_x'],
    ['nothing', ''],
  ])('is not: %s', (_, token) => {
    expect(read(token)).toBeUndefined();
  });
});
