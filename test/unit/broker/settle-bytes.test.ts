import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { quarantineKeyOf } from '../../../src/broker/upload/inspected-bytes.ts';
import { createSettleBytes } from '../../../src/broker/upload/settle-bytes.ts';
import type { ObjectRecord, ObjectStatus } from '../../../src/ledger/records.ts';
import type { ObjectStore } from '../../../src/storage/object-store.ts';

/** Where bytes go, and when: by a clock and a storage of our own. Keys hold a version each. */

const NOW = new Date('2026-11-22T12:00:00Z');

/** What a key holds is the name of its version. */
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

const objectOf = (status: ObjectStatus, more: Partial<ObjectRecord> = {}) =>
  ({
    objectId: 'ob_1',
    bucketId: 'b',
    tenantId: 'acme',
    key: 'home/menu.png',
    stagingKey: '.daypass-staging/ob_1/xyz',
    contentType: 'image/png',
    revision: 'v1',
    sha256: sha256('v1'),
    status,
    ...more,
  }) as ObjectRecord;

const open = (object: ObjectRecord, keys: readonly string[], others: readonly string[] = []) => {
  const stored = new Map(keys.map((key) => [key, others.includes(key) ? 'v2' : 'v1']));
  const replaced: unknown[] = [];
  let status: ObjectStatus | undefined = object.status;
  let onCopy = (): void => {};
  const placed: unknown[] = [];
  const store: Partial<ObjectStore> = {
    head: async (key) => {
      const version = stored.get(key);
      return version === undefined ? undefined : ({ version } as never);
    },
    copy: async (from, to) => {
      stored.set(to, stored.get(from) ?? 'v1');
      onCopy();
    },
    open: async (_, { version = '' } = {}) => ({ body: Readable.from([version]), size: 2 }),
    delete: async (key) => void stored.delete(key),
  };
  const settle = createSettleBytes({
    objects: {
      find: async () => ({ ...object, status }) as ObjectRecord,
      placed: async (...[, , where]: unknown[]) => void placed.push(where),
    } as never,
    audit: {
      append: async ({ action, detail }) => {
        replaced.push({ action, ...detail });
        return true;
      },
    },
    stores: () => store as ObjectStore,
    now: () => NOW,
  });
  return {
    settle: () => settle(object),
    stored,
    keys: () => [...stored.keys()].sort(),
    placed,
    replaced,
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

describe('what nobody inspected', () => {
  const unreleased = (status: ObjectStatus, more: Partial<ObjectRecord> = {}): ObjectRecord => {
    const { revision: _, ...object } = objectOf(status, more);
    return object as ObjectRecord;
  };

  it('is not kept in place of what was, where an upload URL wrote twice before anything was released', async () => {
    const object = unreleased('quarantined');
    const { settle, keys, placed } = open(object, [object.stagingKey], [object.stagingKey]);
    await settle();
    expect(keys()).toEqual([object.stagingKey]);
    expect(placed).toMatchObject([{ bytes: 'nowhere' }]);
  });

  it('nor where no inspection came to an end', async () => {
    const object = { ...unreleased('quarantined'), sha256: undefined };
    const { settle, placed } = open(object, [object.stagingKey]);
    await settle();
    expect(placed).toMatchObject([{ bytes: 'nowhere' }]);
  });

  it('does not stand for what was copied to the final key before it was withheld', async () => {
    const object = unreleased('quarantined');
    const { settle, stored } = open(object, [object.stagingKey, object.key], [object.stagingKey]);
    await settle();
    expect(stored.get(quarantineKeyOf(object))).toBe('v1');
  });

  it('is kept as evidence of a rejection, which nobody can release', async () => {
    const object = unreleased('rejected');
    const { settle, keys } = open(object, [object.stagingKey], [object.stagingKey]);
    await settle();
    expect(keys()).toContain(quarantineKeyOf(object));
  });

  it.each([
    ['apart', quarantineKeyOf],
    ['in staging', ({ stagingKey }: ObjectRecord) => stagingKey],
  ])('does not come home from where it lies %s', async (_, keyOf) => {
    const object = objectOf('available', { settledAt: NOW });
    const { settle, placed } = open(object, [keyOf(object)], [keyOf(object)]);
    await expect(settle()).rejects.toMatchObject({
      violations: [{ rule: 'inspected_bytes_gone' }],
    });
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

describe('what was deleted while it was moved', () => {
  it.each<ObjectStatus>(['quarantined', 'available'])(
    'is nowhere afterwards: %s',
    async (status) => {
      const object = objectOf(status, { settledAt: NOW });
      const { settle, keys, whileCopied } = open(object, [object.stagingKey]);
      whileCopied('deleted');
      await settle();
      expect(keys()).toEqual([object.stagingKey]);
    },
  );

  it.each([
    [599, []],
    [600, [{ bytes: 'nowhere' }]],
  ])('is deleted again, until nobody can be held up in a copy of it: %i s', async (ago, places) => {
    const settledAt = new Date(NOW.getTime() - ago * 1000);
    const object = objectOf('deleted', { settledAt, apartAt: settledAt });
    const { settle, keys, placed } = open(object, [object.key, quarantineKeyOf(object)]);
    await settle();
    expect(keys()).toEqual([]);
    expect(placed).toMatchObject(places);
  });
});

describe('what was put in the place of what was inspected', () => {
  it.each<ObjectStatus>(['quarantined', 'available', 'deleted'])(
    'is on record before it goes, also where the inspected bytes are apart already: %s',
    async (status) => {
      const object = objectOf(status, { settledAt: NOW });
      const keys = [quarantineKeyOf(object), object.key];
      const { settle, replaced } = open(object, keys, [object.key]);
      await settle();
      expect(replaced).toEqual([
        { action: 'upload.replaced', key: object.key, expected: 'v1', found: 'v2' },
      ]);
    },
  );

  it('is no copy of ours that never came on record', async () => {
    const object = objectOf('quarantined', { sha256: sha256('v2') });
    const { settle, replaced } = open(object, [quarantineKeyOf(object), object.key], [object.key]);
    await settle();
    expect(replaced).toEqual([]);
  });
});
