import { createHmac, type KeyObject } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type Issuer,
  jwkOf,
  newKey,
  part,
  refusalOf,
  START,
  startIssuer,
  UNPROVEN,
} from '../unit/identity/issuer.ts';

/** J01, J03, J05, T03: the token chooses neither its algorithm nor its key nor what it is. */
describe('JWT confusion', () => {
  let issuer: Issuer;
  beforeAll(async () => {
    issuer = await startIssuer([newKey('RS256'), newKey('ES256'), newKey('ES384')]);
  });
  afterAll(() => issuer.close());

  const verify = (token: string, overrides = {}) =>
    refusalOf(issuer.verifier(overrides).verify(token, START));
  const everything = { algorithms: ['none', 'HS256', 'HS384', 'RS256', 'ES256', '__proto__'] };

  it('accepts the token all of these are variations of', async () => {
    expect(await verify(await issuer.token(), everything)).toBe('accepted');
  });

  describe('J01 algorithm', () => {
    const spellings = (key: KeyObject): [string, string | Buffer][] => [
      ['PEM', key.export({ type: 'spki', format: 'pem' })],
      [
        'PEM without its last newline',
        key.export({ type: 'spki', format: 'pem' }).toString().trim(),
      ],
      ['PEM after a space', ` ${key.export({ type: 'spki', format: 'pem' })}`],
      ['DER', key.export({ type: 'spki', format: 'der' })],
      ['JWK', JSON.stringify(key.export({ format: 'jwk' }))],
    ];

    it('refuses an HMAC with a public key for its secret, even where HS256 is configured', async () => {
      for (const { publicKey, kid } of issuer.keys) {
        for (const [, secret] of spellings(publicKey)) {
          for (const alg of ['HS256', 'hs256']) {
            const input = `${part({ alg, kid, typ: 'JWT' })}.${part(issuer.claims())}`;
            const mac = createHmac('sha256', secret).update(input).digest('base64url');
            expect(await verify(`${input}.${mac}`, everything)).toEqual(UNPROVEN);
          }
        }
      }
    });

    it.each([
      'none',
      'nOnE',
      'NONE',
      '',
      'RS1',
      'RS512',
      'es256',
      '__proto__',
      'constructor',
      null,
      7,
      ['ES256'],
      undefined,
    ])('refuses alg %j with and without a signature', async (alg) => {
      const [, , signature] = (await issuer.token()).split('.');
      const input = `${part({ alg, kid: 'RS256-key' })}.${part(issuer.claims())}`;
      for (const last of ['', signature]) {
        expect(await verify(`${input}.${last}`, everything)).toEqual(UNPROVEN);
      }
    });

    it('refuses an algorithm that is not the issuer’s, although well signed', async () => {
      const token = await issuer.token({}, {}, issuer.keys[1]);
      expect(await verify(token, { algorithms: ['RS256'] })).toEqual(UNPROVEN);
      expect(await verify(token, { algorithms: ['ES256'] })).toBe('accepted');
    });

    it('refuses a key used with another algorithm than its own', async () => {
      const [rsa, p256, p384] = issuer.keys as [never, never, never];
      const borrowed: [never, object][] = [
        [rsa, { kid: 'ES256-key' }],
        [p256, { kid: 'RS256-key' }],
        [p256, { kid: 'ES384-key' }],
        [p384, { kid: 'ES256-key' }],
      ];
      for (const [key, header] of borrowed) {
        expect(await verify(await issuer.token({}, { ...header }, key))).toEqual(UNPROVEN);
      }
    });

    it('refuses PS256 with a key the issuer ties to RS256', async () => {
      const ps = { ...issuer.keys[0]!, alg: 'PS256' };
      expect(await verify(await issuer.token({}, {}, ps))).toEqual(UNPROVEN);
    });
  });

  describe('J03 key source', () => {
    const attacker = newKey('ES256', 'ES256-key');

    it.each([
      ['jwk', { jwk: jwkOf(attacker) }],
      ['jku', { jku: 'https://evil.example/jwks' }],
      ['x5u', { x5u: 'https://evil.example/cert' }],
      ['x5c', { x5c: ['AAAA'] }],
      ['all of them', { jwk: jwkOf(attacker), jku: 'https://evil.example', x5c: ['AAAA'] }],
    ])('ignores %s: a forged token is refused, a genuine one is not', async (_, header) => {
      expect(await verify(await issuer.token({}, header, attacker))).toEqual(UNPROVEN);
      expect(await verify(await issuer.token({}, header))).toBe('accepted');
    });

    it('goes nowhere but to discovery and the key set', async () => {
      const { jku, x5u } = {
        jku: `${issuer.trusted.issuer}/jku`,
        x5u: `${issuer.trusted.issuer}/x5u`,
      };
      await verify(await issuer.token({}, { jku, x5u, kid: jku }, attacker));
      expect(new Set(issuer.requests)).toEqual(
        new Set(['/.well-known/openid-configuration', '/jwks']),
      );
    });

    it.each([
      '../../etc/passwd',
      "' OR 1=1 --",
      '%00',
      '\0',
      '__proto__',
      'constructor',
      'https://evil.example/jwks',
      '',
      'x'.repeat(8000),
      ['ES256-key'],
      { kid: 'ES256-key' },
      7,
      null,
    ])('refuses kid %j', async (kid) => {
      const token = await issuer.token({}, { kid }, issuer.keys[1]);
      expect(await verify(token)).toEqual(UNPROVEN);
    });

    it('asks no one about an issuer that is not configured', async () => {
      const before = issuer.requests.length;
      const { issuer: url } = issuer.trusted;
      for (const iss of [
        `${url}/`,
        url.toUpperCase(),
        `${url}.evil.example`,
        '',
        [url],
        null,
        undefined,
      ]) {
        expect(await verify(await issuer.token({ iss } as never))).toEqual(UNPROVEN);
      }
      expect(issuer.requests).toHaveLength(before);
    });
  });

  describe('type', () => {
    it.each([
      'at+jwt',
      'application/at+jwt',
      'dpop+jwt',
      'logout+jwt',
      'application/jwt',
      'secevent+jwt',
      'JWE',
      '',
      null,
      7,
      ['JWT'],
    ])('refuses typ %j', async (typ) =>
      expect(await verify(await issuer.token({}, { typ }))).toEqual(UNPROVEN),
    );

    it('refuses critical extensions', async () => {
      const token = await issuer.token({}, { crit: ['urn:x'], 'urn:x': true });
      expect(await verify(token)).toEqual(UNPROVEN);
    });
  });

  describe('J05 spelling: one token has one', () => {
    it('refuses every respelling, before any look-up', async () => {
      const token = await issuer.token();
      const [header, payload, signature] = token.split('.') as [string, string, string];
      const before = issuer.requests.length;
      const respelled = [
        `${token}=`,
        `${token}\n`,
        ` ${token}`,
        `${token}.`,
        `${token}.x`,
        `.${token}`,
        `${header}.${payload}`,
        `${header}..${signature}`,
        `.${payload}.${signature}`,
        token.replaceAll('-', '+').replaceAll('_', '/').concat('='),
        `${header}.${payload}.${signature.slice(0, -1)}${signature.endsWith('w') ? 'x' : 'B'}`,
        `${header}=.${payload}.${signature}`,
        `${part('[]')}.${payload}.${signature}`,
        `${header}.${part('"x"')}.${signature}`,
        `${header}.${part('{')}.${signature}`,
        `${part('\uFEFF{}')}.${payload}.${signature}`,
        `${Buffer.from([0x7b, 0xff, 0x7d]).toString('base64url')}.${payload}.${signature}`,
        `${part('['.repeat(5000))}.${payload}.${signature}`,
        '',
        '.',
        '..',
      ];
      for (const text of respelled) expect(await verify(text)).toEqual(UNPROVEN);
      expect(issuer.requests).toHaveLength(before);
    });
  });

  describe('T01 size', () => {
    it('refuses a token above 16 KiB however well signed, and junk of any size', async () => {
      expect(await verify(await issuer.token({ pad: 'x'.repeat(8_000) }))).toBe('accepted');
      expect(await verify(await issuer.token({ pad: 'x'.repeat(16_000) }))).toEqual(UNPROVEN);
      for (const size of [5_000, 50_000, 60_000]) {
        expect(await verify('x'.repeat(size))).toEqual(UNPROVEN);
        expect(await verify('.'.repeat(size))).toEqual(UNPROVEN);
      }
    });
  });
});
