import { describe, expect, it } from '@jest/globals';
import { createCurrentKeys } from '../../../../src/broker/keys/current-keys.ts';
import type { SigningKeyRecord } from '../../../../src/ledger/signing-keys.ts';
import { OAuthError } from '../../../../src/protocol/oauth-error.ts';

const record = (kid: string, more: Partial<SigningKeyRecord> = {}): SigningKeyRecord => ({
  kid,
  alg: 'ES256',
  publicJwk: { kty: 'EC', kid },
  custody: 'local',
  sealed: Buffer.from(kid),
  state: 'active',
  createdAt: new Date(0),
  locked: false,
  ...more,
});

/** A ring whose database, clock and custody are in the test's hands. */
const ring = (publishAhead = 600) => {
  const world = {
    live: [record('a'), record('n', { state: 'next' })] as SigningKeyRecord[],
    elapsed: 0,
    reads: 0,
    opened: [] as string[],
    isDown: false,
    closed: new Set<string>(),
  };
  const keys = createCurrentKeys({
    signingKeys: {
      live: async () => {
        world.reads += 1;
        if (world.isDown) throw new Error('down');
        return world.live;
      },
    },
    custodyOf: () => ({
      open: ({ kid, alg }) => {
        if (world.closed.has(kid)) throw new Error('set KEY_ENCRYPTION_KEY');
        world.opened.push(kid);
        return { kid, alg, sign: () => kid };
      },
    }),
    publishAhead: () => publishAhead,
    elapsed: () => world.elapsed,
  });
  return { world, keys };
};

describe('the keys in force', () => {
  it('sign with the active one, publish the next as well, and verify with both', async () => {
    const { keys, world } = ring();
    await keys.refresh();
    expect(keys.signer().kid).toBe('a');
    expect(keys.published().keys).toEqual(world.live.map(({ publicJwk }) => publicJwk));
    expect(keys.verifying('n')).toMatchObject({ kid: 'n' });
    expect(keys.verifying('x')).toBeUndefined();
  });

  it('follow a rotation, open each key once, and keep the public keys that stay', async () => {
    const { keys, world } = ring();
    await keys.refresh();
    const before = keys.verifying('a');
    await keys.refresh();
    world.live = [record('n'), record('a', { state: 'retiring' }), record('m', { state: 'next' })];
    await keys.refresh();
    expect(keys.signer().kid).toBe('n');
    expect(keys.verifying('a')).toBe(before);
    expect(world.opened).toEqual(['a', 'n']);
  });

  it('neither publish nor sign with one that a revocation names, whatever its state says', async () => {
    const { keys, world } = ring();
    world.live = [record('a', { locked: true }), record('n', { state: 'next' })];
    await keys.refresh();
    expect(keys.verifying('a')).toBeUndefined();
    expect(() => keys.signer()).toThrow(OAuthError);
    expect(keys.published().keys).toEqual([{ kty: 'EC', kid: 'n' }]);
  });

  it('say 503 where the active key does not open, and publish what changed all the same', async () => {
    const { keys, world } = ring();
    world.closed.add('a');
    await keys.refresh();
    expect(() => keys.signer()).toThrow(expect.objectContaining({ status: 503 }));
    expect(keys.published().keys).toHaveLength(2);
    expect(() => keys.signer('EdDSA')).toThrow(expect.objectContaining({ status: 503 }));
  });

  it('are read again where they were not within three seconds', async () => {
    const { keys, world } = ring();
    await keys.confirm();
    world.elapsed = 3_000;
    await keys.confirm();
    expect(world.reads).toBe(1);
    world.elapsed = 3_001;
    await Promise.all([keys.confirm(), keys.confirm()]);
    expect(world.reads).toBe(2);
    world.elapsed = 9_000;
    world.isDown = true;
    await expect(keys.confirm()).rejects.toThrow('down');
  });

  it.each([
    [600, 300],
    [86_400, 300],
    [60, 30],
    [5, 2],
  ])('published %i s ahead may be kept %i s', async (ahead, maxAge) => {
    const { keys } = ring(ahead);
    await keys.refresh();
    expect(keys.published().maxAge).toBe(maxAge);
  });

  it('never outlive, in a cache, the moment at which a key they lack may sign', async () => {
    const { keys, world } = ring(600);
    await keys.refresh();
    for (const [age, maxAge] of [
      [149, 300],
      [150, 300],
      [151, 299],
      [449, 1],
      [450, 0],
      [6_000, 0],
    ] as const) {
      world.elapsed = age * 1000;
      expect({ age, maxAge: keys.published().maxAge }).toEqual({ age, maxAge });
    }
  });
});
