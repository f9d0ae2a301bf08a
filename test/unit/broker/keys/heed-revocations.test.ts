import { describe, expect, it } from '@jest/globals';
import { heedRevocations } from '../../../../src/broker/keys/heed-revocations.ts';
import type { LockTarget } from '../../../../src/ledger/records.ts';
import type { RevocationEvent } from '../../../../src/ledger/revocation-feed.ts';

const heeding = () => {
  const world = {
    followed: 0,
    errors: [] as unknown[],
    news: (..._: LockTarget[]): void => undefined,
    isOver: false,
  };
  const end = heedRevocations({
    feed: {
      subscribe: (listener) => {
        world.news = (...targets) =>
          listener(targets.map((target) => ({ target }) as RevocationEvent));
        return () => {
          world.isOver = true;
        };
      },
    },
    follow: async () => {
      world.followed += 1;
      throw new Error('down');
    },
    onError: (error) => world.errors.push(error),
  });
  return { world, end };
};

describe('news of revocations', () => {
  it('of a key has the keys followed at once; of anything else it does not', async () => {
    const { world } = heeding();
    world.news('app:where2eat', 'token:key:');
    expect(world.followed).toBe(0);
    world.news('app:where2eat', 'key:n');
    expect(world.followed).toBe(1);
    await Promise.resolve();
    expect(world.errors).toEqual([new Error('down')]);
  });

  it('is heeded until it is ended', () => {
    const { world, end } = heeding();
    end();
    expect(world.isOver).toBe(true);
  });
});
