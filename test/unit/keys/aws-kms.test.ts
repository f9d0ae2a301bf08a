import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { compactVerify, importJWK, type JWK } from 'jose';
import { createAwsKms } from '../../../src/keys/aws-kms/aws-kms.ts';
import { startKms } from './kms-stand-in.ts';

const SECRET = 'a-secret-access-key-of-this-test';

let kms: Awaited<ReturnType<typeof startKms>>;
beforeAll(async () => {
  kms = await startKms(SECRET);
});
afterAll(() => kms?.stop());

const custodyWith = (credentials: object = {}) =>
  createAwsKms({
    region: 'eu-west-1',
    endpoint: kms.endpoint,
    credentials: () => ({ accessKeyId: 'AKIDEXAMPLE', secretAccessKey: SECRET, ...credentials }),
    fetch,
    now: () => new Date('2026-11-22T10:20:30.456Z'),
  });

const unavailable = expect.objectContaining({ code: 'temporarily_unavailable', status: 503 });

describe('AWS KMS', () => {
  it.each(['ES256', 'RS256'] as const)(
    'makes a key for %s, keeps its private half, and signs what any verifier accepts',
    async (alg) => {
      const custody = custodyWith();
      const made = await custody.make(alg);
      expect(made).toMatchObject({ custody: 'aws-kms', publicJwk: { kid: made.kid, alg } });
      expect(made.sealed.toString()).toMatch(/^arn:aws:kms:/);
      const key = await importJWK(made.publicJwk as JWK, alg);
      for (const length of [1, 5_000]) {
        const payload = { jti: 'x'.repeat(length) }; // KMS takes 4,096 bytes of a message
        const token = await custody.open(made).sign('at+jwt', payload);
        const { protectedHeader } = await compactVerify(token, key, { algorithms: [alg] });
        expect(protectedHeader).toEqual({ alg, typ: 'at+jwt', kid: made.kid });
      }
    },
  );

  it('is asked with Signature Version 4, temporary credentials included', async () => {
    await expect(
      custodyWith({ sessionToken: 'a/token+of=sts' }).make('ES256'),
    ).resolves.toBeDefined();
    await expect(custodyWith({ secretAccessKey: 'another' }).make('ES256')).rejects.toEqual(
      unavailable,
    );
  });

  it('that refuses or cannot be reached is a 503, whose detail repeats nothing that was sent', async () => {
    const custody = custodyWith();
    const made = await custody.make('ES256');
    kms.failing.with = 'ThrottlingException';
    const refused = await Promise.resolve(custody.open(made).sign('at+jwt', { sub: 'ana' })).catch(
      (error: unknown) => error,
    );
    kms.failing.with = undefined;
    expect(refused).toEqual(unavailable);
    expect((refused as { detail: string }).detail).toBe('AWS KMS Sign: 400 ThrottlingException');

    const nobody = createAwsKms({
      region: 'eu-west-1',
      endpoint: 'http://127.0.0.1:1',
      credentials: () => ({ accessKeyId: 'a', secretAccessKey: 'b' }),
      fetch,
      now: () => new Date(),
    });
    await expect(nobody.make('ES256')).rejects.toEqual(unavailable);
  });

  it('is told of a key that signs no more', async () => {
    const custody = custodyWith();
    const made = await custody.make('ES256');
    await custody.discard?.(made);
    expect(kms.calls.at(-1)).toEqual({
      operation: 'ScheduleKeyDeletion',
      request: { KeyId: made.sealed.toString(), PendingWindowInDays: 7 },
    });
  });

  it('has no EdDSA for JWS, and says what would help', async () => {
    await expect(custodyWith().make('EdDSA')).rejects.toThrow('ES256 and RS256');
  });
});
