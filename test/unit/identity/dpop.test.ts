import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { calculateJwkThumbprint } from 'jose';
import { createDpop, createNonces, type Proof } from '../../../src/identity/dpop.ts';
import { OAuthError } from '../../../src/protocol/oauth-error.ts';
import { after, epoch, newKey, START } from './issuer.ts';
import {
  athOf,
  clientKey,
  dpop,
  nonces,
  outcomeOf,
  proofBy,
  request,
  TOKEN_ENDPOINT,
} from './prover.ts';

describe('DPoP proofs', () => {
  it.each(['ES256', 'Ed25519', 'EdDSA', 'RS256', 'PS256'])(
    'signed with %s prove the key',
    async (alg) => {
      const key = newKey(alg);
      const proof = dpop.verify(await proofBy(key), request, START);
      expect(proof.jkt).toBe(await calculateJwkThumbprint(key.publicKey.export({ format: 'jwk' })));
    },
  );

  it('are remembered by key and jti, for as long as any instance accepts them', async () => {
    const { jkt, replayId, keepUntil } = dpop.verify(await proofBy(clientKey), request, START);
    expect(replayId).toBe(createHash('sha256').update(`${jkt}.proof-1`).digest('base64url'));
    expect(keepUntil).toEqual(after(360));
  });

  it('are checked each time, though the header was seen before', async () => {
    const mine = await proofBy(clientKey);
    const [header, payload, signature] = mine.split('.') as [string, string, string];
    const [, otherPayload, otherSignature] = (await proofBy(newKey(), { jti: 'proof-2' })).split(
      '.',
    ) as [string, string, string];
    const refused = { code: 'invalid_dpop_proof' };
    const reader = createDpop({ nonces });
    const verify = (proof: string) => () => reader.verify(proof, request, START);

    // A header that came with somebody else's signature is not remembered as proven.
    expect(verify(`${header}.${otherPayload}.${otherSignature}`)).toThrow(
      expect.objectContaining(refused),
    );
    expect(verify(mine)().jkt).toBe(outcomeOf(mine).jkt);
    for (const forged of [
      `${header}.${otherPayload}.${signature}`,
      `${header}.${payload}.${otherSignature}`,
      `${header}.${payload}`,
      `${header}.${payload}.${signature}.`,
      header,
    ]) {
      expect(verify(forged)).toThrow(expect.objectContaining({ ...refused, status: 400 }));
    }
    expect(verify(mine)().jkt).toBe(outcomeOf(mine).jkt);
  });

  it('with the header of a proof seen before, and a claim of another, are judged by their own claims', async () => {
    const other = 'https://daypass.example/exchange';
    expect(outcomeOf(await proofBy(clientKey))).toHaveProperty('jkt');
    expect(outcomeOf(await proofBy(clientKey, { htu: other }))).toHaveProperty('detail', 'htu');
  });

  it('are told apart by jti and by key', async () => {
    const ids = await Promise.all(
      [proofBy(clientKey), proofBy(clientKey, { jti: 'proof-2' }), proofBy(newKey())].map(
        async (proof) => dpop.verify(await proof, request, START).replayId,
      ),
    );
    expect(new Set(ids).size).toBe(3);
  });

  it('come as one header value, or a list of one', async () => {
    const proof = await proofBy(clientKey);
    expect(outcomeOf([proof])).toHaveProperty('jkt');
    for (const header of [
      undefined,
      [],
      [proof, proof],
      `${proof}, ${proof}`,
      `${proof},${proof}`,
      '',
      ` ${proof}`,
    ]) {
      expect(outcomeOf(header)).toMatchObject({ code: 'invalid_dpop_proof', status: 400 });
    }
  });

  it.each([
    ['the same', TOKEN_ENDPOINT],
    ['with query and fragment', `${TOKEN_ENDPOINT}?a=b#c`],
    ['with the default port', 'https://daypass.example:443/token'],
    ['in another case of scheme and host', 'HTTPS://DAYPASS.example/token'],
    ['with dot segments', 'https://daypass.example/x/../token'],
  ])('fit a URL that is %s (RFC 9449 §4.3)', async (_, htu) =>
    expect(outcomeOf(await proofBy(clientKey, { htu }))).toHaveProperty('jkt'),
  );

  it('beside an access token have its hash', async () => {
    const accessToken = 'dp_at_x';
    const proof = await proofBy(clientKey, { ath: athOf(accessToken) });
    expect(outcomeOf(proof, { accessToken })).toHaveProperty('jkt');
    for (const ath of [undefined, athOf('other'), '', accessToken, [athOf(accessToken)]]) {
      const refused = outcomeOf(await proofBy(clientKey, { ath }), { accessToken });
      expect(refused).toMatchObject({ code: 'invalid_dpop_proof', detail: 'ath' });
    }
  });

  it('with a valid nonce are judged by its age, whatever the client’s clock says', async () => {
    for (const iat of [epoch(START) - 86_400, epoch(START) + 86_400, 0, 1.5]) {
      expect(outcomeOf(await proofBy(clientKey, { iat }))).toHaveProperty('jkt');
    }
  });

  it('without a nonce are asked for one', async () => {
    for (const iat of [epoch(START) - 86_400, epoch(START) - 60, epoch(START), epoch(START) + 5]) {
      const refused = outcomeOf(await proofBy(clientKey, { nonce: undefined, iat }));
      expect(refused).toBeInstanceOf(OAuthError);
      expect(refused).toMatchObject({ code: 'use_dpop_nonce', status: 400 });
      expect(refused.headers).toEqual({ 'DPoP-Nonce': nonces.issue(START) });
    }
  });

  it('beside a credential are refused with 401 and a challenge (RFC 9449 §7.1, §9)', async () => {
    const cases: [string, string][] = [
      ['use_dpop_nonce', await proofBy(clientKey, { nonce: undefined })],
      ['invalid_dpop_proof', 'x'],
    ];
    for (const [code, header] of cases) {
      const refused = outcomeOf(header, { beside: 'credential' });
      expect(refused).toMatchObject({ code, status: 401 });
      expect(refused.headers).toEqual({
        'DPoP-Nonce': nonces.issue(START),
        'WWW-Authenticate': `DPoP error="${code}", algs="ES256 Ed25519 EdDSA RS256 PS256"`,
      });
    }
  });

  describe('of a second key', () => {
    const otherKey = newKey('ES256');
    const first = async (): Promise<Proof> =>
      dpop.verify(await proofBy(clientKey, { jti: 'first' }), request, START);
    const secondTo = async (to: Proof, key = otherKey, claims: Record<string, unknown> = {}) =>
      outcomeOf(await proofBy(key, claims), { second: { to, field: 'dpop_binding_proof' } });

    it('prove a key of their own', async () => {
      const to = await first();
      const proof = await secondTo(to);
      expect(proof).toMatchObject({ nonce: to.nonce });
      expect(proof).not.toMatchObject({ jkt: to.jkt });
    });

    it('are refused with the key of the first', async () => {
      expect(await secondTo(await first(), clientKey)).toMatchObject({
        code: 'invalid_dpop_proof',
        violations: [{ field: 'dpop_binding_proof', rule: 'proof' }],
      });
    });

    it.each<[string, Record<string, unknown>]>([
      ['the jti of the first', { jti: 'first' }],
      ['another nonce, though it is ours', { nonce: nonces.issue(after(-60)) }],
      ['no nonce', { nonce: undefined }],
      ['another URL', { htu: 'https://daypass.example/issue-token' }],
    ])('are refused with %s, as a fault of a field of their own', async (_, claims) => {
      expect(await secondTo(await first(), otherKey, claims)).toMatchObject({
        code: 'invalid_dpop_proof',
        violations: [{ field: 'dpop_binding_proof', rule: 'proof' }],
      });
    });
  });

  it('never end in anything but an answer or an OAuth error, whatever is sent', () =>
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.json(), fc.json(), (junk, header, payload) => {
        const parts = [header, payload, junk].map((text) =>
          Buffer.from(text).toString('base64url'),
        );
        for (const value of [junk, parts.join('.')]) {
          expect(outcomeOf(value)).toMatchObject({ code: 'invalid_dpop_proof' });
        }
      }),
    ));
});

describe('nonces', () => {
  const other = createNonces(Buffer.alloc(32, 8));

  it('are the same on every instance with the same secret, for one minute', () => {
    const twin = createNonces(Buffer.alloc(32, 7));
    expect(twin.issue(after(59))).toBe(nonces.issue(START));
    expect(nonces.issue(after(60))).not.toBe(nonces.issue(START));
    expect(other.issue(START)).not.toBe(nonces.issue(START));
  });

  it('have an age in seconds for five minutes', () => {
    const nonce = nonces.issue(START);
    expect(nonces.age(nonce, START)).toBe(0);
    expect(nonces.age(nonce, after(61.5))).toBe(61.5);
    expect(nonces.age(nonce, after(299))).toBe(299);
    expect(nonces.age(nonce, after(300))).toBeUndefined();
  });

  it('are accepted from an instance that is a step ahead, no more', () => {
    expect(nonces.age(nonces.issue(after(60)), START)).toBe(0);
    expect(nonces.age(nonces.issue(after(120)), START)).toBeUndefined();
  });

  it('are none of ours when made by others or respelled', () => {
    const nonce = nonces.issue(START);
    const [step, mac] = nonce.split('.') as [string, string];
    const foreign = [
      other.issue(START),
      '',
      '.',
      step,
      `${step}.`,
      `0${nonce}`,
      ` ${nonce}`,
      `+${nonce}`,
      `${nonce} `,
      nonce.toUpperCase(),
      `${step}.${mac.slice(1)}`,
      `${(Number.parseInt(step, 36) - 1).toString(36)}.${mac}`,
      'zzzzzzzzzzzzzzzzzzzzzz.x',
      '-1.x',
    ];
    for (const text of foreign) expect(nonces.age(text, START)).toBeUndefined();
  });

  it('have the form RFC 9449 §8.1 gives them', () =>
    expect(nonces.issue(START)).toMatch(/^[\x21\x23-\x5B\x5D-\x7E]+$/));

  it('of another deployment are answered with one of ours', async () => {
    const refused = outcomeOf(await proofBy(clientKey, { nonce: other.issue(START) }));
    expect(refused).toMatchObject({ code: 'use_dpop_nonce', status: 400 });
    const proof = await proofBy(clientKey, { nonce: other.issue(START) });
    expect(createDpop({ nonces: other }).verify(proof, request, START)).toHaveProperty('jkt');
  });
});
