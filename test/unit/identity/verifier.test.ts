import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createIdTokenVerifier } from '../../../src/identity/verifier.ts';
import {
  after,
  epoch,
  type Issuer,
  newKey,
  refusalOf,
  START,
  startIssuer,
  UNPROVEN,
} from './issuer.ts';

describe('ID token verifier', () => {
  const algorithms = ['ES256', 'ES384', 'EdDSA', 'RS256', 'PS256'];
  let issuer: Issuer;
  beforeAll(async () => {
    issuer = await startIssuer(algorithms.map((alg) => newKey(alg)));
  });
  afterAll(() => issuer.close());

  it('says who signed in, with which attributes, to which party', async () => {
    const token = await issuer.token({
      aud: ['where2eat', 'daypass'],
      azp: 'daypass',
      groups: ['builders', 'cooks'],
      dept: 'kitchen',
      email: 'ana@acme.example',
      auth_time: epoch(START) - 60.5,
      sid: 's1',
    });
    expect(await issuer.verifier().verify(token, START)).toEqual({
      issuerId: 'corp',
      issuer: issuer.trusted.issuer,
      tenant: 'acme',
      subject: 'ana',
      userId: expect.stringMatching(/^u_[0-9a-hjkmnp-tv-z]{26}$/),
      party: 'daypass',
      audiences: ['where2eat', 'daypass'],
      issuedAt: epoch(START),
      expiresAt: epoch(START) + 300,
      authenticatedAt: epoch(START) - 61,
      sessionId: 's1',
      attributes: { roles: ['builders', 'cooks'], department: 'kitchen' },
      tokenHash: createHash('sha256')
        .update(token.slice(0, token.lastIndexOf('.')))
        .digest('base64url'),
    });
  });

  it.each(algorithms)('verifies %s', async (alg) => {
    const key = issuer.keys.find((candidate) => candidate.alg === alg)!;
    const { subject } = await issuer.verifier().verify(await issuer.token({}, {}, key), START);
    expect(subject).toBe('ana');
  });

  it('derives the user id from issuer and subject, as it always did', async () => {
    const fixed = await startIssuer();
    const verifier = createIdTokenVerifier({
      issuers: () => [{ ...fixed.trusted, issuer: 'https://sso.acme.example' }],
      fetch: async (url) => ({
        status: 200,
        body: Buffer.from(
          JSON.stringify(
            url.endsWith('/jwks')
              ? fixed.answers.jwks()
              : { issuer: 'https://sso.acme.example', jwks_uri: 'https://sso.acme.example/jwks' },
          ),
        ),
      }),
    });
    const token = await fixed.token({ iss: 'https://sso.acme.example' });
    expect((await verifier.verify(token, START)).userId).toBe('u_17wmjx5y3es1w9dzxrm76n7e2b');
    await fixed.close();
  });

  it('takes the only aud for the party', async () => {
    for (const aud of ['daypass', ['daypass']]) {
      const { party } = await issuer.verifier().verify(await issuer.token({ aud }), START);
      expect(party).toBe('daypass');
    }
  });

  it.each([undefined, 'JWT', 'jwt'])('accepts typ %s', async (typ) => {
    const token = await issuer.token({}, { typ });
    expect((await issuer.verifier().verify(token, START)).subject).toBe('ana');
  });

  it('leaves an absent claim absent and ignores one of another type', async () => {
    const token = await issuer.token({ groups: [1, 'x'], dept: { name: 'x' } });
    const { attributes, sessionId, authenticatedAt } = await issuer.verifier().verify(token, START);
    expect(attributes).toEqual({});
    expect([sessionId, authenticatedAt]).toEqual([undefined, undefined]);
  });

  it('reads claims named like members of Object.prototype as plain data', async () => {
    const verifier = issuer.verifier({
      claims: { a: 'constructor', b: '__proto__', ['__proto__']: 'x' },
    });
    const { attributes } = await verifier.verify(await issuer.token({ x: 'value' }), START);
    expect(Object.entries(attributes)).toEqual([['__proto__', 'value']]);
    expect(Object.getPrototypeOf(attributes)).toBe(Object.prototype);
  });

  it.each([
    ['exp just within tolerance', { exp: epoch(START) - 9 }],
    ['iat just within tolerance', { iat: epoch(START) + 10 }],
    ['nbf just within tolerance', { nbf: epoch(START) + 10 }],
    ['the longest life', { exp: epoch(START) + 86_400 }],
    ['the greatest age', { iat: epoch(START) - 3600 }],
    ['a subject of 255 characters', { sub: 'x'.repeat(255) }],
  ])('accepts %s', async (_, claims) => {
    const token = await issuer.token(claims);
    expect((await issuer.verifier().verify(token, START)).issuerId).toBe('corp');
  });

  it('judges a token by the time it is given', async () => {
    const verifier = issuer.verifier();
    const token = await issuer.token();
    expect((await verifier.verify(token, after(309))).subject).toBe('ana');
    expect(await refusalOf(verifier.verify(token, after(310)))).toEqual(UNPROVEN);
    expect(await refusalOf(verifier.verify(token, after(-11)))).toEqual(UNPROVEN);
  });

  it('reads a token it remembers anew under other rules, whatever it said under those before', async () => {
    let { trusted } = issuer;
    const verifier = createIdTokenVerifier({
      issuers: () => [trusted],
      fetch: async (url) => {
        const response = await fetch(url);
        return { status: response.status, body: Buffer.from(await response.arrayBuffer()) };
      },
    });
    const token = await issuer.token({ team: 'blue' });
    const before = await verifier.verify(token, START);
    expect(before.attributes.team).toBeUndefined();
    expect(await verifier.verify(token, after(1))).toBe(before);

    trusted = { ...trusted, claims: { ...trusted.claims, team: 'team' } };
    expect((await verifier.verify(token, START)).attributes.team).toBe('blue');
    trusted = { ...trusted, tenant: 'other' };
    expect((await verifier.verify(token, START)).tenant).toBe('other');
    trusted = { ...trusted, maxIdTokenAge: 60 };
    expect(await refusalOf(verifier.verify(token, after(61)))).toEqual(UNPROVEN);
    trusted = { ...trusted, audiences: ['somebody-else'] };
    expect(await refusalOf(verifier.verify(token, START))).toEqual(UNPROVEN);
  });

  it('follows the configuration: an issuer taken out is trusted no more', async () => {
    let issuers = [issuer.trusted];
    const working = issuer.verifier();
    const verifier = createIdTokenVerifier({
      issuers: () => issuers,
      fetch: async (url) => {
        const response = await fetch(url);
        return { status: response.status, body: Buffer.from(await response.arrayBuffer()) };
      },
    });
    const token = await issuer.token();
    expect((await verifier.verify(token, START)).subject).toBe('ana');
    issuers = [];
    expect(await refusalOf(verifier.verify(token, START))).toEqual(UNPROVEN);
    issuers = [issuer.trusted, { ...issuer.trusted, id: 'twin', tenant: 'other' }];
    expect(await refusalOf(verifier.verify(token, START))).toEqual(UNPROVEN);
    expect((await working.verify(token, START)).tenant).toBe('acme');
  });
});
