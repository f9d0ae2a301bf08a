import { describe, expect, it } from '@jest/globals';
import { pinReleased } from '../../../src/broker/download/pin-released.ts';
import type { Bucket } from '../../../src/config/deployment.ts';
import type { ObjectStore, StoredObject } from '../../../src/storage/object-store.ts';

const object = { key: 'where2eat/menu.png', revision: 'inspected' };

const pin = (direct_write: boolean, stored: Partial<StoredObject> | undefined) => {
  const bucket = { provider: 's3', temporary_credentials: { direct_write } } as unknown as Bucket;
  const store = { head: async () => stored } as unknown as ObjectStore;
  return pinReleased(store, bucket, object);
};

describe('a presigned URL', () => {
  it('is of the version that was inspected, where others may write directly', async () => {
    const stored = { version: 'inspected', immutable: 'v7' };
    expect(await pin(true, stored)).toEqual({ immutable: 'v7' });
  });

  it.each([[{ version: 'another', immutable: 'v8' }], [undefined]])(
    'is of nothing else that lies there: %j',
    async (stored) => {
      expect(await pin(true, stored)).toBe('replaced');
    },
  );

  it('is refused where nothing names the inspected version for ever', async () => {
    expect(await pin(true, { version: 'inspected' })).toBe('unversioned');
  });

  it('is of the key where nobody but the broker writes, so that it ends with the object', async () => {
    expect(await pin(false, { version: 'inspected', immutable: 'v7' })).toEqual({});
  });
});
