import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { calculateJwkThumbprint, compactVerify, importJWK, type JWK } from 'jose';
import { createSealedCustody } from '../../../src/keys/sealed-custody.ts';
import { SIGNING_ALGORITHMS } from '../../../src/protocol/signing-algorithm.ts';

const custody = createSealedCustody([randomBytes(32)]);

describe.each(SIGNING_ALGORITHMS)('a key for %s', (alg) => {
  it('signs at once what any verifier accepts, and says what it is', async () => {
    const made = await custody.make(alg);
    const token = custody.open(made).sign('at+jwt', { sub: 'ana' });
    expect(typeof token).toBe('string');
    const key = await importJWK(made.publicJwk as JWK, alg);
    const verified = await compactVerify(await token, key, { algorithms: [alg] });
    expect(verified.protectedHeader).toEqual({ alg, typ: 'at+jwt', kid: made.kid });
    expect(JSON.parse(Buffer.from(verified.payload).toString())).toEqual({ sub: 'ana' });
  });

  it('is named by its thumbprint, and published without its private half (RFC 7638)', async () => {
    const { publicJwk, kid } = await custody.make(alg);
    expect(await calculateJwkThumbprint(publicJwk as JWK)).toBe(kid);
    expect(publicJwk).toMatchObject({ kid, alg, use: 'sig' });
    for (const member of ['d', 'p', 'q', 'k']) expect(publicJwk).not.toHaveProperty(member);
  });
});

describe('a sealed key', () => {
  const [old, current] = [randomBytes(32), randomBytes(32)];

  it('holds nothing in clear, and opens under its own name only', async () => {
    const made = await custody.make('ES256');
    expect(made.sealed.includes(Buffer.from('2a8648ce3d0201', 'hex'))).toBe(false);
    expect(() => custody.open({ ...made, kid: 'another' })).toThrow('KEY_ENCRYPTION_KEY');
    const changed = Buffer.from(made.sealed);
    changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
    expect(() => custody.open({ ...made, sealed: changed })).toThrow('KEY_ENCRYPTION_KEY');
  });

  it('opens with the key encryption key before, while that is given', async () => {
    const made = await createSealedCustody([old]).make('ES256');
    expect(createSealedCustody([current, old]).open(made).kid).toBe(made.kid);
    expect(() => createSealedCustody([current]).open(made)).toThrow('KEY_ENCRYPTION_KEY_PREVIOUS');
  });

  it('sealed anew needs the one before no more, and signs with the same key', async () => {
    const made = await createSealedCustody([old]).make('ES256');
    const sealed = createSealedCustody([current, old]).reseal(made) as Buffer;
    const token = await createSealedCustody([current])
      .open({ ...made, sealed })
      .sign('t', {});
    await compactVerify(token, await importJWK(made.publicJwk as JWK, 'ES256'));
    expect(() => createSealedCustody([old]).open({ ...made, sealed })).toThrow();
    expect(createSealedCustody([current, old]).reseal({ ...made, sealed })).toBeUndefined();
  });
});
