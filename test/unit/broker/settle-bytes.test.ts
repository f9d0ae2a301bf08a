import { describe, expect, it } from '@jest/globals';
import { quarantineKeyOf } from '../../../src/broker/upload/inspected-bytes.ts';
import { createSettleBytes } from '../../../src/broker/upload/settle-bytes.ts';
import type { ObjectRecord, ObjectStatus } from '../../../src/ledger/records.ts';
import type { ObjectStore } from '../../../src/storage/object-store.ts';

/** Where bytes go, and when: by a clock and a storage of our own. Keys hold a version each. */

const NOW = new Date('2026-11-22T12:00:00Z');

const objectOf = (status: ObjectStatus, more: Partial<ObjectRecord> = {}) =>
  ({
    objectId: 'ob_1',
    bucketId: 'b',
    tenantId: 'acme',
    key: 'home/menu.png',
    stagingKey: '.daypass-staging/ob_1/xyz',
    contentType: 'image/png',
    revision: 'v1',
    status,
    ...more,
  }) as ObjectRecord;

const open = (object: ObjectRecord, keys: readonly string[]) => {
  const stored = new Map(keys.map((key) => [key, 'v1']));
  let status: ObjectStatus | undefined = object.status;
  let onCopy = (): void => {};
  const placed: unknown[] = [];
  const store: Partial<ObjectStore> = {
    head: async (key) => {
      const version = stored.get(key);
      return version === undefined ? undefined : ({ version } as never);
    },
    copy: async (_, to) => {
      stored.set(to, 'v1');
      onCopy();
    },
    delete: async (key) => void stored.delete(key),
  };
  const settle = createSettleBytes({
    objects: {
      find: async () => ({ ...object, status }) as ObjectRecord,
      placed: async (...[, , where]: unknown[]) => void placed.push(where),
    } as never,
    audit: { append: async () => true },
    stores: () => store as ObjectStore,
    now: () => NOW,
  });
  return {
    settle: () => settle(object),
    keys: () => [...stored.keys()].sort(),
    placed,
    whileCopied: (becomes: ObjectStatus) => {
      onCopy = () => {
        status = becomes;
      };
    },
  };
};

describe('what is withheld', () => {
  it('is taken apart, and is nowhere else', async () => {
    const object = objectOf('quarantined');
    const { settle, keys, placed } = open(object, [object.key]);
    await settle();
    expect(keys()).toEqual([quarantineKeyOf(object)]);
    expect(placed).toMatchObject([{ bytes: 'apart' }]);
  });

  it('stays where readers look where it was released while it was copied', async () => {
    const object = objectOf('quarantined');
    const { settle, keys, placed, whileCopied } = open(object, [object.key]);
    whileCopied('available');
    await settle();
    expect(keys()).toContain(object.key);
    expect(placed).toEqual([]);
  });
});

describe('what was released', () => {
  const released = (secondsAgo: number): ObjectRecord =>
    objectOf('available', { settledAt: new Date(NOW.getTime() - secondsAgo * 1000) });

  it.each([
    [0, true],
    [599, true],
    [600, false],
  ])('%i s ago is at home, and is kept apart as well: %p', async (secondsAgo, isKept) => {
    const object = released(secondsAgo);
    const apart = quarantineKeyOf(object);
    const { settle, keys } = open(object, [apart, object.key]);
    await settle();
    expect(keys()).toContain(object.key);
    expect(keys().includes(apart)).toBe(isKept);
  });

  it('is put back once more where it was taken away again meanwhile', async () => {
    const object = released(60);
    const { settle, keys } = open(object, [quarantineKeyOf(object)]);
    await settle();
    expect(keys()).toContain(object.key);
  });
});
