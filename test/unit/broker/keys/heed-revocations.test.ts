import { describe, expect, it } from '@jest/globals';
import { heedRevocations } from '../../../../src/broker/keys/heed-revocations.ts';

const NOW = new Date('2026-11-22T10:00:00Z');

const heeding = (isRevoked: (lineage: readonly string[], since: Date) => boolean) => {
  const world = { followed: 0, errors: [] as unknown[], news: () => {}, isOver: false };
  const end = heedRevocations({
    feed: {
      isRevoked,
      subscribe: (listener) => {
        world.news = listener;
        return () => {
          world.isOver = true;
        };
      },
    },
    keys: { published: () => ({ keys: [{ kid: 'a' }, { kid: 'n' }], maxAge: 300 }) },
    follow: async () => {
      world.followed += 1;
      throw new Error('down');
    },
    now: () => NOW,
    onError: (error) => world.errors.push(error),
  });
  return { world, end };
};

describe('news of revocations', () => {
  it('of a published key has the keys followed at once; of anything else it does not', async () => {
    const locked = new Set<string>(['app:where2eat']);
    const { world } = heeding(([target = ''], since) => {
      expect(since).toEqual(new Date('2026-11-22T09:59:00Z'));
      return locked.has(target);
    });
    world.news();
    expect(world.followed).toBe(0);
    locked.add('key:n');
    world.news();
    expect(world.followed).toBe(1);
    await Promise.resolve();
    expect(world.errors).toEqual([new Error('down')]);
  });

  it('that cannot be believed does no harm', () => {
    const { world } = heeding(() => {
      throw new Error('not confirmed');
    });
    expect(() => world.news()).not.toThrow();
    expect(world.errors).toHaveLength(1);
  });

  it('is heeded until it is ended', () => {
    const { world, end } = heeding(() => false);
    end();
    expect(world.isOver).toBe(true);
  });
});
