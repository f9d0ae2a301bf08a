import { describe, expect, it } from '@jest/globals';
import {
  opaqueDataOf,
  readAzure,
  readGcs,
  readS3,
} from '../../../src/broker/events/announcement.ts';
import { createHeed } from '../../../src/broker/events/heed.ts';
import type { Bucket } from '../../../src/config/deployment.ts';
import type { ObjectRecord } from '../../../src/ledger/records.ts';

const KEY = `.daypass-staging/ob_1/${'0'.repeat(32)}`;

describe('an announcement', () => {
  it('of S3 has its key decoded once; what is no encoding stays as it is', () => {
    const of = (key: string) =>
      readS3({
        Records: [
          { eventName: 's3:ObjectCreated:Put', s3: { bucket: { name: 'b' }, object: { key } } },
        ],
      });
    expect(of('a+b%2Fc%2520')).toEqual([{ bucket: 'b', key: 'a b/c%20' }]);
    expect(of('100%')).toEqual([{ bucket: 'b', key: '100%' }]);
  });

  it('of anything but an object that was written is none', () => {
    expect(readS3({ Records: [{ eventName: 'ObjectRemoved:Delete', s3: {} }] })).toEqual([]);
    expect(readS3({ Event: 's3:TestEvent' })).toEqual([]);
    expect(readS3({ 'detail-type': 'Object Deleted', detail: {} })).toEqual([]);
    expect(readGcs({ message: { attributes: { eventType: 'OBJECT_DELETE' } } })).toEqual([]);
    expect(readAzure([{ eventType: 'Microsoft.Storage.BlobDeleted', subject: 'x' }])).toEqual([]);
    for (const nothing of [undefined, null, 7, 'x', [], { Records: 'x' }, { message: null }]) {
      expect([readS3(nothing), readGcs(nothing), readAzure(nothing)]).toEqual([[], [], []]);
    }
  });

  it('whose records carry different secrets carries none', () => {
    const records = (...secrets: string[]) => ({
      Records: secrets.map((opaqueData) => ({ opaqueData })),
    });
    expect(opaqueDataOf(records('a', 'a'))).toBe('a');
    expect(opaqueDataOf(records('a', ''))).toBe('');
    expect(opaqueDataOf(records('', 'a'))).toBe('');
  });
});

describe('whoever heeds it', () => {
  const bucket = {
    id: 'b1',
    provider: 'gcs',
    bucket: 'acme',
    credentials: {},
  } as unknown as Bucket;
  const object = {
    objectId: 'ob_1',
    bucketId: 'b1',
    stagingKey: KEY,
    key: 'a/b',
    status: 'pending',
  };

  const heard = async (
    key: string,
    { found = object, isThere = true }: { found?: object; isThere?: boolean } = {},
  ) => {
    const done: string[] = [];
    const heed = createHeed({
      objects: {
        find: async (objectId: string) =>
          (objectId === 'ob_1' ? found : undefined) as ObjectRecord | undefined,
        advance: async ({ to }: { to: string }) => {
          done.push(to);
          return undefined;
        },
      } as unknown as Parameters<typeof createHeed>[0]['objects'],
      stores: () =>
        ({
          head: async (asked: string) => {
            done.push(`head ${asked}`);
            return isThere ? { size: 1, version: 'v', contentType: 't' } : undefined;
          },
        }) as unknown as ReturnType<Parameters<typeof createHeed>[0]['stores']>,
      wake: () => done.push('wake'),
      now: () => new Date(0),
    });
    await heed([{ bucket: 'acme', key }], [bucket], 'pubsub');
    return done;
  };

  it('asks the storage, takes the step, and wakes the validator', async () => {
    expect(await heard(KEY)).toEqual([`head ${KEY}`, 'uploaded', 'wake']);
  });

  it('takes no step for what is not there, whatever was said', async () => {
    expect(await heard(KEY, { isThere: false })).toEqual([`head ${KEY}`, 'wake']);
  });

  it.each([
    ['another key of the same object', `${KEY.slice(0, -1)}1`, object],
    ['a final key', 'a/b', object],
    ['an object of another bucket', KEY, { ...object, bucketId: 'b2' }],
    ['an object that has moved on', KEY, { ...object, status: 'available' }],
  ])('does not even ask about %s', async (_, key, found) => {
    expect(await heard(key, { found })).toEqual(['wake']);
  });
});
