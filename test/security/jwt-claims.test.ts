import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  epoch,
  type Issuer,
  refusalOf,
  START,
  signJwt,
  startIssuer,
  UNPROVEN,
} from '../unit/identity/issuer.ts';

const NOW = epoch(START);
const TEN_YEARS = 10 * 365 * 86_400;

/** T05, T06: a genuine signature is not yet a sign-in to us, now. */
describe('JWT claims', () => {
  let issuer: Issuer;
  beforeAll(async () => {
    issuer = await startIssuer();
  });
  afterAll(() => issuer.close());

  it.each([
    ['T05 another party’s', { aud: 'other-client' }],
    ['T05 ours and another party’s', { aud: ['where2eat', 'other-client'], azp: 'where2eat' }],
    ['T05 several parties’, without azp', { aud: ['where2eat', 'daypass'] }],
    ['T05 one party’s twice, without azp', { aud: ['where2eat', 'where2eat'] }],
    ['T05 issued to another party', { azp: 'other-client' }],
    ['T05 with an azp that is a list', { azp: ['where2eat'] }],
    ['T05 with an empty azp', { azp: '' }],
    ['T05 with an azp that is null', { azp: null }],
    ['T05 for nobody', { aud: undefined }],
    ['T05 for an empty list', { aud: [] }],
    ['T05 for an empty name', { aud: '' }],
    ['T05 for a nested list', { aud: [['where2eat']] }],
    ['T05 for an object', { aud: { 0: 'where2eat', length: 1 } }],
    ['T05 for a name in another case', { aud: 'WHERE2EAT' }],
    ['T05 for a name and a space', { aud: 'where2eat ' }],
    ['T06 without exp', { exp: undefined }],
    ['T06 without iat', { iat: undefined }],
    ['T06 with an end ten years ahead', { exp: NOW + TEN_YEARS }],
    ['T06 with a life of 24 h and a second', { exp: NOW + 86_401 }],
    ['T06 with an end that is text', { exp: String(NOW + 300) }],
    ['T06 with an end that is a list', { exp: [NOW + 300] }],
    ['T06 with an end that is null', { exp: null }],
    ['T06 expired beyond tolerance', { iat: NOW - 60, exp: NOW - 10 }],
    ['T06 not valid yet', { nbf: NOW + 11 }],
    ['T06 with nbf that is text', { nbf: String(NOW) }],
    ['T06 issued in the future', { iat: NOW + 11 }],
    ['T06 issued too long ago', { iat: NOW - 3601 }],
    ['T06 issued before the epoch', { iat: -1 }],
    ['T06 issued at text', { iat: String(NOW) }],
    ['signed in later than now', { auth_time: NOW + 11 }],
    ['signed in at text', { auth_time: String(NOW) }],
    ['without a subject', { sub: undefined }],
    ['with an empty subject', { sub: '' }],
    ['with a subject that is a number', { sub: 7 }],
    ['with a subject of 256 characters', { sub: 'x'.repeat(256) }],
    ['with NUL in its subject', { sub: 'ana\0' }],
    ['with a line break in its subject', { sub: 'ana\nadmin' }],
    ['with an escape in its subject', { sub: '\x1b[2J' }],
    ['with half a character in its subject', { sub: 'ana\ud800' }],
    ['with NUL in its session', { sid: 's\0' }],
    ['with a session that is a number', { sid: 7 }],
    ['with NUL in an attribute', { groups: ['builders\0'] }],
    ['with half a character in an attribute', { dept: '\udc00' }],
    [
      'that is a logout token',
      { events: { 'http://schemas.openid.net/event/backchannel-logout': {} } },
    ],
    ['that has events of any kind', { events: null }],
  ])('refuses a token %s', async (_, claims) => {
    const token = await issuer.token(claims as never);
    expect(await refusalOf(issuer.verifier().verify(token, START))).toEqual(UNPROVEN);
  });

  it.each(['1e999', '-1e999'])('refuses exp and iat of %s', async (number) => {
    for (const claim of ['exp', 'iat']) {
      const json = JSON.stringify(issuer.claims({ [claim]: 'here' } as never)).replace(
        '"here"',
        number,
      );
      // What JSON.parse makes of it is Infinity, which no comparison with a finite end catches by itself.
      const token = await signText(json);
      expect(await refusalOf(issuer.verifier().verify(token, START))).toEqual(UNPROVEN);
    }
  });

  it('does not take claims from a __proto__ member', async () => {
    const { sub, ...rest } = issuer.claims();
    const token = await signText(
      JSON.stringify(rest).replace('{', `{"__proto__":{"sub":"${sub}"},`),
    );
    expect(await refusalOf(issuer.verifier().verify(token, START))).toEqual(UNPROVEN);
  });

  it('reads one issuer where iss is written twice: the one whose keys it checks', async () => {
    const json = JSON.stringify(issuer.claims());
    const twice = json.replace(/}$/, ',"iss":"https://evil.example"}');
    expect(await refusalOf(issuer.verifier().verify(await signText(twice), START))).toEqual(
      UNPROVEN,
    );
  });

  it('refuses what is not UTF-8 JSON, although well signed', async () => {
    const json = Buffer.from(JSON.stringify(issuer.claims({ dept: 'x' })));
    const broken = Buffer.from(json);
    broken[broken.lastIndexOf('x')] = 0xff;
    const marked = Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), json]);
    const verifier = issuer.verifier();
    for (const [bytes, outcome] of [
      [json, 'accepted'],
      [broken, UNPROVEN],
      [marked, UNPROVEN],
    ] as const) {
      const token = await signJwt(issuer.keys[0]!, bytes);
      expect(await refusalOf(verifier.verify(token, START))).toEqual(outcome);
    }
  });

  it('never names in public which check failed', async () => {
    const token = await issuer.token({ aud: 'other-client' });
    const error = await issuer
      .verifier()
      .verify(token, START)
      .catch((reason: Error) => reason);
    expect(error).toMatchObject({ message: UNPROVEN.message, violations: [] });
    expect(error).toHaveProperty('detail', 'aud names a party that is not listed');
  });

  const signText = (json: string): Promise<string> => signJwt(issuer.keys[0]!, json);
});
