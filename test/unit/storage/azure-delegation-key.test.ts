import { describe, expect, it } from '@jest/globals';
import { OAuthError, unavailable } from '../../../src/protocol/oauth-error.ts';
import {
  createDelegationKeys,
  type IssuedDelegationKey,
} from '../../../src/storage/azure/delegation-key.ts';

const T0 = new Date('2026-11-22T03:04:05Z');
const after = (minutes: number): Date => new Date(T0.getTime() + minutes * 60_000);

const issued = (startsOn: Date, expiresOn: Date): IssuedDelegationKey => ({
  signedObjectId: 'o',
  signedTenantId: 't',
  signedStartsOn: startsOn,
  signedExpiresOn: expiresOn,
  signedService: 'b',
  signedVersion: '2023-11-03',
  value: Buffer.alloc(32, 1).toString('base64'),
});

/** A service that answers when it is told to. */
const service = () => {
  const asked: { startsOn: Date; expiresOn: Date; answer(): void; fail(): void }[] = [];
  const keys = createDelegationKeys(
    (startsOn, expiresOn) =>
      new Promise((resolve, reject) => {
        asked.push({
          startsOn,
          expiresOn,
          answer: () => resolve(issued(startsOn, expiresOn)),
          fail: () => reject(unavailable('down')),
        });
      }),
  );
  return { asked, keys };
};

describe('the user delegation key', () => {
  it('is fetched once, whoever waits for it, for hours and not for days', async () => {
    const { asked, keys } = service();
    const waiting = Array.from({ length: 50 }, () => keys.forUseUntil(after(15), T0));
    expect(asked).toHaveLength(1);
    expect(asked[0]?.expiresOn).toEqual(after(240));
    expect(asked[0]?.startsOn).toEqual(after(-5));
    asked[0]?.answer();
    const [first, ...others] = await Promise.all(waiting);
    for (const other of others) expect(other).toBe(first);
    expect(keys.forUseUntil(after(179), after(179))).toBe(first);
    expect(asked).toHaveLength(1);
  });

  it('is refreshed ahead of its end, by one fetch, and nobody waits for it', async () => {
    const { asked, keys } = service();
    const first = keys.forUseUntil(after(15), T0);
    asked[0]?.answer();
    const old = await first;
    for (let time = 0; time < 10; time += 1)
      expect(keys.forUseUntil(after(196), after(181))).toBe(old);
    expect(asked).toHaveLength(2);
    asked[1]?.answer();
    await new Promise(setImmediate);
    const renewed = await keys.forUseUntil(after(196), after(181));
    expect(renewed.delegation.expiresOn).toEqual(after(181 + 240));
  });

  it('signs on while its refresh fails, tries again a minute later, and is refused once it has ended', async () => {
    const { asked, keys } = service();
    const first = keys.forUseUntil(after(15), T0);
    asked[0]?.answer();
    const old = await first;
    expect(keys.forUseUntil(after(200), after(185))).toBe(old);
    asked[1]?.fail();
    await new Promise(setImmediate);
    expect(keys.forUseUntil(after(200), after(185.5))).toBe(old);
    expect(asked).toHaveLength(2);
    expect(keys.forUseUntil(after(201), after(186))).toBe(old);
    expect(asked).toHaveLength(3);
    asked[2]?.fail();
    await new Promise(setImmediate);
    const late = keys.forUseUntil(after(245), after(230));
    asked[3]?.fail();
    await expect(late).rejects.toBeInstanceOf(OAuthError);
  });

  it('never signs what outlives it', async () => {
    const keys = createDelegationKeys(async (startsOn) => issued(startsOn, after(5)));
    await expect(keys.forUseUntil(after(15), T0)).rejects.toMatchObject({ status: 503 });
  });
});
