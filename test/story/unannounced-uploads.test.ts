import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createSweepStaging } from '../../src/broker/upload/sweep-staging.ts';
import type { ObjectRecord } from '../../src/ledger/records.ts';
import { createLocalStore } from '../../src/storage/local/local-store.ts';
import { startTestDaypass, type TestDaypass } from '../support/daypass.ts';
import { eventually, PNG, startStory } from '../support/upload-story.ts';

/** What happens to uploads of which nobody says a word more. */

let broker: TestDaypass;
// All before time moves: who has no nonce yet cannot make a proof of another hour.
let stories: Awaited<ReturnType<typeof startStory>>[];
beforeAll(async () => {
  broker = await startTestDaypass();
  stories = [
    await startStory(broker),
    await startStory(broker),
    await startStory(broker),
    await startStory(broker),
  ];
}, 60_000);
afterAll(() => broker?.stop());

const story = () => {
  const next = stories.shift();
  if (!next) throw new Error('no story is left');
  return next;
};

const statusOf = (objectId: unknown) =>
  eventually(
    async () => (await broker.ledger.objects.find(String(objectId)))?.status,
    (status) => status !== 'pending' && status !== 'uploaded' && status !== 'validating',
  );

/** What is stored, without the broker. */
const bucket = () =>
  createLocalStore({
    root: join(broker.home, 'objects', 'project-123'),
    bucket: 'project-123',
    baseUrl: 'http://unused.example',
    secret: Buffer.alloc(32),
  });
const storedAt = (key: string) => bucket().head(key);

const HOUR = 3_600_000;

/** What an instance does once a minute, said to be so much later. */
const sweepStaging = (later: number): Promise<void> =>
  createSweepStaging({
    ...broker.ledger,
    stores: bucket,
    buckets: () => ['project-123'],
    now: () => new Date(Date.now() + later),
    onError: (error) => {
      throw error;
    },
  })();

const recordOf = async (objectId: unknown): Promise<ObjectRecord> => {
  const record = await broker.ledger.objects.find(String(objectId));
  if (!record) throw new Error('no such object');
  return record;
};

describe('an upload of which nobody says that it is complete', () => {
  it('is found and validated all the same', async () => {
    const { requestUpload, put } = story();
    const { body } = await requestUpload();
    expect((await put(body, PNG)).status).toBe(200);
    expect(await statusOf(body.objectId)).toBe('available');
  });

  it('expires where nothing arrived, a minute after its URL and not sooner', async () => {
    const { requestUpload, put } = story();
    const { body } = await requestUpload({ ttl: 120 });
    broker.advance(120 + 50);
    // Another, whose fate shows that a round has passed.
    const other = (await requestUpload()).body;
    expect((await put(other, PNG)).status).toBe(200);
    expect(await statusOf(other.objectId)).toBe('available');
    expect(await broker.ledger.objects.find(String(body.objectId))).toMatchObject({
      status: 'pending',
    });
    broker.advance(11);
    expect(await statusOf(body.objectId)).toBe('expired');
    expect((await put(body, PNG)).status).toBe(403);
    const [event] = await broker.ledger.audit.search(
      { objectId: String(body.objectId), action: 'upload.expired' },
      { limit: 1, after: undefined },
    );
    expect(event).toMatchObject({ appId: 'where2eat' });

    // A PUT that was begun in time and takes its time; bytes of nobody; and an upload that may be made still.
    const { stagingKey } = await recordOf(body.objectId);
    const settledOne = await recordOf(other.objectId);
    const nobodys = `${stagingKey}-another`;
    const live = await recordOf((await requestUpload()).body.objectId);
    const isCleared = async () => await broker.ledger.objects.strays([stagingKey]);
    await eventually(isCleared, (strays) => strays.length === 1);
    for (const key of [stagingKey, nobodys, live.stagingKey])
      await bucket().copy(settledOne.key, key, String(settledOne.revision), 'image/png');
    const lying = async () =>
      [await storedAt(stagingKey), await storedAt(nobodys), await storedAt(live.stagingKey)].map(
        (found) => found !== undefined,
      );
    await sweepStaging(0);
    expect(await lying()).toEqual([true, true, true]);
    await sweepStaging(HOUR + 60_000);
    expect(await lying()).toEqual([false, true, true]);
    await sweepStaging(7 * 24 * HOUR + 60_000);
    expect(await lying()).toEqual([false, false, true]);
    expect((await recordOf(body.objectId)).status).toBe('expired');
    expect(await statusOf(live.objectId)).toBe('available');
  });

  it('is counted for whoever runs it, with the age of the oldest', async () => {
    const { requestUpload } = story();
    const counted = async () => {
      const found = await broker.ledger.objects.underWay(broker.ledger.clock.now());
      return found.find(({ status }) => status === 'pending');
    };
    const before = await counted();
    await requestUpload({ ttl: 900 });
    broker.advance(100);
    const after = await counted();
    expect(after?.uploads).toBe((before?.uploads ?? 0) + 1);
    expect(after?.oldest).toBeGreaterThanOrEqual(100);
    const metrics = async () => (await fetch(`${broker.url}/metrics`)).text();
    const isSaid = (text: string) =>
      text.includes(`daypass_uploads{status="pending"} ${after?.uploads}`) &&
      /daypass_oldest_upload_seconds\{status="uploaded"\} \d/.test(text);
    await eventually(metrics, isSaid, 500);
  }, 60_000);
});

describe('what was uploaded and is not what it was said to be', () => {
  it('is cleared away once its URL is dead, and what was released stays', async () => {
    const { requestUpload, put, settled } = story();
    const [good, bad] = [(await requestUpload()).body, (await requestUpload()).body];
    await put(good, PNG);
    await put(bad, Buffer.alloc(PNG.length, 'x'));
    expect(await settled(good.objectId)).toMatchObject({ status: 'available' });
    expect(await settled(bad.objectId)).toMatchObject({ status: 'rejected' });
    const [released, refused] = [await recordOf(good.objectId), await recordOf(bad.objectId)];
    expect(await storedAt(refused.stagingKey)).toBeDefined();

    broker.advance(300 + 61);
    const isGone = (found: unknown): boolean => found === undefined;
    await eventually(() => storedAt(refused.stagingKey), isGone);
    await eventually(() => storedAt(released.stagingKey), isGone);
    await eventually(
      () => broker.ledger.objects.stale(broker.ledger.clock.now(), 100),
      (stale) => stale.length === 0,
    );
    expect(await storedAt(released.key)).toMatchObject({ size: PNG.length });
    expect(await storedAt(refused.key)).toBeUndefined();
  });
});
