import { createHmac, createSign, generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { after, epoch, jwkOf, newKey, part, START, signJwt } from '../unit/identity/issuer.ts';
import {
  athOf,
  clientKey,
  dpop,
  nonces,
  outcomeOf,
  proofBy,
  request,
  TOKEN_ENDPOINT,
} from '../unit/identity/prover.ts';

const INVALID = {
  code: 'invalid_dpop_proof',
  status: 400,
  message: 'the DPoP proof is not acceptable',
};

describe('D01 replay', () => {
  it('gives one proof one replay id, at every moment it is accepted', async () => {
    const proof = await proofBy(clientKey);
    const ids = [0, 1, 100, 299].map((at) => dpop.verify(proof, request, after(at)).replayId);
    expect(new Set(ids).size).toBe(1);
  });

  it('gives a re-signed or respelled proof of the same key and jti the same replay id', async () => {
    const { replayId } = dpop.verify(await proofBy(clientKey), request, START);
    const jwk = { ...jwkOf(clientKey), kid: 'x', ext: true };
    const others = [await proofBy(clientKey), await proofBy(clientKey, { iat: 1 }, { jwk })];
    for (const proof of others) expect(dpop.verify(proof, request, START).replayId).toBe(replayId);
  });

  it('keeps the replay id longer than the proof is accepted, wherever in the window it came', async () => {
    for (const issuedAt of [0, 30, 59, 60]) {
      for (const usedAt of [0, 1, 59, 60, 120, 299]) {
        const proof = await proofBy(clientKey, { nonce: nonces.issue(after(issuedAt)) });
        const first = outcomeOf(proof, { at: after(usedAt) });
        if (!first.keepUntil) continue;
        for (let later = 0; later <= 900; later += 15) {
          const at = new Date(first.keepUntil.getTime() + later * 1000);
          expect(outcomeOf(proof, { at }).code).toBe('use_dpop_nonce');
        }
      }
    }
  });
});

describe('D03 time', () => {
  it.each([6, 10, 60, 290, 300, 600, 86_400])(
    'refuses iat %i s ahead without a nonce',
    async (ahead) => {
      const proof = await proofBy(clientKey, { iat: epoch(START) + ahead, nonce: undefined });
      expect(outcomeOf(proof)).toMatchObject(INVALID);
    },
  );

  it.each([61, 300, 86_400])('wants a nonce of a proof whose iat is %i s ago', async (ago) => {
    const proof = await proofBy(clientKey, { iat: epoch(START) - ago, nonce: undefined });
    expect(outcomeOf(proof)).toMatchObject({ code: 'use_dpop_nonce' });
  });

  it('accepts no proof twice outside the time its replay id is kept, however far ahead iat is', async () => {
    for (const ahead of [0, 5, 290, 600]) {
      const proof = await proofBy(clientKey, { iat: epoch(START) + ahead });
      const { keepUntil } = dpop.verify(proof, request, START);
      for (const at of [300, 320, 360, 500, 580, 600, 900]) {
        expect(outcomeOf(proof, { at: after(at) }).code).toBe('use_dpop_nonce');
      }
      expect(keepUntil.getTime()).toBeGreaterThanOrEqual(after(300).getTime());
    }
  });

  it.each([null, 'now', String(epoch(START)), [epoch(START)], undefined, true])(
    'refuses iat %j',
    async (iat) => expect(outcomeOf(await proofBy(clientKey, { iat }))).toMatchObject(INVALID),
  );

  it.each([11, 60, 86_400])('refuses nbf %i s ahead, with a nonce or without', async (ahead) => {
    const nbf = epoch(START) + ahead;
    expect(outcomeOf(await proofBy(clientKey, { nbf }))).toMatchObject(INVALID);
    expect(outcomeOf(await proofBy(clientKey, { nbf, nonce: undefined }))).toMatchObject(INVALID);
  });

  it.each([-86_400, 0, 10])('accepts nbf %i s ahead', async (ahead) => {
    const proof = await proofBy(clientKey, { nbf: epoch(START) + ahead });
    expect(outcomeOf(proof)).toHaveProperty('jkt');
  });

  it.each([null, 'now', String(epoch(START)), [], true])('refuses nbf %j', async (nbf) =>
    expect(outcomeOf(await proofBy(clientKey, { nbf }))).toMatchObject(INVALID),
  );

  it('refuses an infinite iat', async () => {
    const json = JSON.stringify({
      jti: 'x',
      htm: 'POST',
      htu: TOKEN_ENDPOINT,
      nonce: nonces.issue(START),
    });
    const header = { typ: 'dpop+jwt', kid: undefined, jwk: jwkOf(clientKey) };
    const proof = await signJwt(clientKey, json.replace(/}$/, ',"iat":1e999}'), header);
    expect(outcomeOf(proof)).toMatchObject(INVALID);
  });
});

describe('D05 request', () => {
  it.each(['post', 'Post', 'GET', 'POST ', '', undefined, null, ['POST']])(
    'refuses htm %j',
    async (htm) => expect(outcomeOf(await proofBy(clientKey, { htm }))).toMatchObject(INVALID),
  );

  it.each([
    'https://daypass.example/exchange',
    'https://daypass.example/token/',
    'https://daypass.example/Token',
    'https://daypass.example//token',
    'https://daypass.example/%74oken',
    'https://daypass.example:8443/token',
    'https://daypass.example.evil.example/token',
    'https://evil.example/token',
    'https://daypass.example@evil.example/token',
    'https://x@daypass.example/token',
    'http://daypass.example/token',
    '/token',
    'token',
    '',
    undefined,
    null,
    [TOKEN_ENDPOINT],
  ])('refuses htu %j', async (htu) =>
    expect(outcomeOf(await proofBy(clientKey, { htu }))).toMatchObject(INVALID),
  );

  it.each(['', 'x'.repeat(257), 7, null, undefined, ['x']])('refuses jti %j', async (jti) =>
    expect(outcomeOf(await proofBy(clientKey, { jti }))).toMatchObject(INVALID),
  );

  it.each([7, null, ['x'], {}])('refuses nonce %j', async (nonce) =>
    expect(outcomeOf(await proofBy(clientKey, { nonce }))).toMatchObject(INVALID),
  );

  it('refuses a proof made for one token beside another', async () => {
    const proof = await proofBy(clientKey, { ath: athOf('dp_at_one') });
    const refused = outcomeOf(proof, { accessToken: 'dp_at_two', beside: 'credential' });
    expect(refused).toMatchObject({ ...INVALID, status: 401 });
  });
});

describe('D06 key and header', () => {
  const rsa1024 = generateKeyPairSync('rsa', { modulusLength: 1024 });
  const p384 = newKey('ES384');
  const jwk = jwkOf(clientKey);

  it.each<[string, Record<string, unknown>]>([
    ['typ JWT', { typ: 'JWT' }],
    ['typ in another case', { typ: 'DPOP+JWT' }],
    ['typ of an access token', { typ: 'at+jwt' }],
    ['no typ', { typ: undefined }],
    ['no jwk', { jwk: undefined }],
    ['kid alone', { jwk: undefined, kid: 'ES256-key' }],
    ['jku alone', { jwk: undefined, jku: 'https://evil.example/jwks' }],
    ['jwk that is text', { jwk: JSON.stringify(jwk) }],
    ['jwk that is a list', { jwk: [jwk] }],
    ['jwk with its private half', { jwk: clientKey.privateKey.export({ format: 'jwk' }) }],
    ['jwk with an empty d', { jwk: { ...jwk, d: '' } }],
    ['jwk with k', { jwk: { ...jwk, k: 'AAAA' } }],
    ['a symmetric jwk', { jwk: { kty: 'oct', k: 'AAAA' } }],
    ['the jwk of another key', { jwk: jwkOf(newKey()) }],
    ['a P-384 jwk', { jwk: jwkOf(p384) }],
    ['an RSA jwk', { jwk: jwkOf(newKey('RS256')) }],
    ['a jwk that calls itself P-384', { jwk: { ...jwk, crv: 'P-384' } }],
    ['a jwk with a padded coordinate', { jwk: { ...jwk, x: `${jwk.x}=` } }],
    ['a critical extension', { crit: ['urn:x'], 'urn:x': true }],
  ])('refuses %s', async (_, header) =>
    expect(outcomeOf(await proofBy(clientKey, {}, header))).toMatchObject(INVALID),
  );

  it.each(['none', 'nOnE', 'HS256', 'ES384', 'RS384', '', '__proto__', null, undefined, ['ES256']])(
    'refuses alg %j',
    async (alg) => {
      const [, payload, signature] = (await proofBy(clientKey)).split('.');
      const input = `${part({ typ: 'dpop+jwt', alg, jwk })}.${payload}`;
      const mac = createHmac('sha256', JSON.stringify(jwk)).update(input).digest('base64url');
      for (const last of ['', signature, mac]) {
        expect(outcomeOf(`${input}.${last}`)).toMatchObject(INVALID);
      }
    },
  );

  it('refuses a key for another algorithm before it is imported', async () => {
    const refused = outcomeOf(await proofBy(clientKey, {}, { jwk: jwkOf(p384) }));
    expect(refused).toMatchObject({ ...INVALID, detail: 'jwk is not a key for alg' });
  });

  it('refuses ES384, although well signed', async () =>
    expect(outcomeOf(await proofBy(p384))).toMatchObject(INVALID));

  it('refuses RSA of 1024 bits, although well signed', async () => {
    const { publicKey, privateKey } = rsa1024;
    const [, payload] = (await proofBy(clientKey)).split('.');
    const weak = publicKey.export({ format: 'jwk' });
    const input = `${part({ typ: 'dpop+jwt', alg: 'RS256', jwk: weak })}.${payload}`;
    const signature = createSign('sha256').update(input).sign(privateKey, 'base64url');
    expect(outcomeOf(`${input}.${signature}`)).toMatchObject(INVALID);
  });

  it('refuses a broken signature and a changed payload', async () => {
    const [header, payload, signature] = (await proofBy(clientKey)).split('.') as [
      string,
      string,
      string,
    ];
    const flipped = Buffer.from(signature, 'base64url');
    flipped[40]! ^= 1;
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString());
    const changed = part({ ...claims, jti: 'proof-2' });
    expect(outcomeOf(`${header}.${payload}.${flipped.toString('base64url')}`)).toMatchObject(
      INVALID,
    );
    expect(outcomeOf(`${header}.${changed}.${signature}`)).toMatchObject(INVALID);
  });

  it('says a broken signature is one before it asks for a nonce', async () => {
    const proof = await proofBy(clientKey, { nonce: undefined }, { jwk: jwkOf(newKey()) });
    expect(outcomeOf(proof)).toMatchObject(INVALID);
    expect(outcomeOf(proof).headers).toHaveProperty('DPoP-Nonce');
  });

  it('refuses a proof above 8 KiB however well signed', async () => {
    expect(outcomeOf(await proofBy(clientKey, { pad: 'x'.repeat(4_000) }))).toHaveProperty('jkt');
    expect(outcomeOf(await proofBy(clientKey, { pad: 'x'.repeat(8_000) }))).toMatchObject(INVALID);
  });

  it('still refuses a forged proof once its key is remembered', async () => {
    expect(outcomeOf(await proofBy(clientKey))).toHaveProperty('jkt');
    const forged = await proofBy(newKey(), {}, { jwk });
    expect(outcomeOf(forged)).toMatchObject({ ...INVALID, detail: 'signature' });
  });
});
