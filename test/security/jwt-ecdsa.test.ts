import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { joseToDer } from '../../src/protocol/ecdsa.ts';
import {
  type Issuer,
  newKey,
  refusalOf,
  START,
  startIssuer,
  UNPROVEN,
} from '../unit/identity/issuer.ts';

const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const bytes = (number: bigint): Buffer => Buffer.from(number.toString(16).padStart(64, '0'), 'hex');
const numberIn = (buffer: Buffer): bigint => BigInt(`0x${buffer.toString('hex')}`);

/** J09: an ECDSA signature has one form, and nothing hangs on which of its two values is sent. */
describe('J09 ECDSA signatures', () => {
  let issuer: Issuer;
  let input: string;
  let signature: Buffer;
  beforeAll(async () => {
    issuer = await startIssuer([newKey('ES256')]);
    const token = await issuer.token();
    input = token.slice(0, token.lastIndexOf('.'));
    signature = Buffer.from(token.slice(input.length + 1), 'base64url');
  });
  afterAll(() => issuer.close());

  const verify = (raw: Buffer) =>
    issuer.verifier().verify(`${input}.${raw.toString('base64url')}`, START);
  const r = () => signature.subarray(0, 32);
  const s = () => signature.subarray(32);

  it.each<[string, () => Buffer]>([
    ['r = s = 0', () => Buffer.alloc(64)],
    ['r = 0', () => Buffer.concat([Buffer.alloc(32), s()])],
    ['s = 0', () => Buffer.concat([r(), Buffer.alloc(32)])],
    ['r = n', () => Buffer.concat([bytes(ORDER), s()])],
    ['s = n', () => Buffer.concat([r(), bytes(ORDER)])],
    ['s = n + 1', () => Buffer.concat([r(), bytes(ORDER + 1n)])],
    ['r and s all ones', () => Buffer.alloc(64, 0xff)],
    ['DER', () => joseToDer(signature)],
    ['63 bytes', () => signature.subarray(0, 63)],
    ['65 bytes', () => Buffer.concat([signature, Buffer.alloc(1)])],
    ['a leading zero on each', () => Buffer.concat([Buffer.alloc(1), r(), Buffer.alloc(1), s()])],
    ['the width of P-384', () => Buffer.concat([Buffer.alloc(16), r(), Buffer.alloc(16), s()])],
    ['nothing', () => Buffer.alloc(0)],
    ['r and s exchanged', () => Buffer.concat([s(), r()])],
  ])('refuses %s', async (_, forge) => expect(await refusalOf(verify(forge()))).toEqual(UNPROVEN));

  it('names a token alike whether s is high or low, so a respelled one is no second token', async () => {
    const twin = Buffer.concat([r(), bytes(ORDER - numberIn(s()))]);
    const [genuine, respelled] = [await verify(signature), await verify(twin)];
    expect(twin.equals(signature)).toBe(false);
    expect(respelled).toEqual(genuine);
  });
});
