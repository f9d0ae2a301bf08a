import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { quarantineKeyOf } from '../../src/broker/upload/inspected-bytes.ts';
import { createLocalStore } from '../../src/storage/local/local-store.ts';
import { startTestDaypass, type TestDaypass } from '../support/daypass.ts';
import { startOnlooker } from '../support/onlooker.ts';
import { eventually, PNG, startStory } from '../support/upload-story.ts';
import { badTable, ORDERS_SCHEMA, vastPng, zipOf } from '../support/uploads-gone-wrong.ts';

let broker: TestDaypass;
let story: Awaited<ReturnType<typeof startStory>>;
beforeAll(async () => {
  broker = await startTestDaypass({
    configure: (demo) => ({
      ...demo,
      apps: (demo.apps ?? []).map(({ limits: _, ...app }) => ({
        ...app,
        grants: (app.grants ?? []).map((grant) =>
          'prefix' in grant ? { ...grant, content_types: ['*/*'] } : grant,
        ),
      })),
      buckets: (demo.buckets ?? []).map((bucket) => ({
        ...bucket,
        validate: { schema: { 'text/csv': ORDERS_SCHEMA } },
      })),
    }),
  });
  story = await startStory(broker);
}, 60_000);
afterAll(() => broker?.stop());

const store = () =>
  createLocalStore({
    root: join(broker.home, 'objects', 'project-123'),
    bucket: 'project-123',
    baseUrl: 'http://unused.example',
    secret: Buffer.alloc(32),
  });

/** Uploads, watches what anybody could read meanwhile, and answers what became of it. */
const upload = async (bytes: Buffer, contentType: string, filename = 'file') => {
  const { body } = await story.requestUpload({ filename, contentType, size: bytes.length });
  const objectId = String(body.objectId);
  const onlooker = startOnlooker(broker, story, objectId, (key) => store().head(key));
  expect((await story.put(body, bytes)).status).toBe(200);
  const answer = await story.settled(objectId);
  return { objectId, answer, ...(await onlooker.stop()) };
};

const HTML = Buffer.from('<html><script>alert(1)</script></html>');
const SMALL_ZIP = zipOf([{ name: 'a.txt', content: Buffer.from('soup') }]);
const bomb = (levels: number): Buffer => {
  let inner = zipOf([{ name: '0.bin', content: Buffer.alloc(300 * 1024 * 1024) }]);
  for (let level = 0; level < levels; level += 1) {
    const copies = Array.from({ length: 8 }, (_, at) => ({ name: `${at}.zip`, content: inner }));
    inner = zipOf(copies);
  }
  return inner;
};

describe('an upload that is not what it should be', () => {
  it.each<[string, () => Buffer, string, string, RegExp]>([
    ['a lie about its type', () => HTML, 'image/png', 'type_mismatch', /declared as image\/png/],
    [
      'a PNG with HTML behind it',
      () => Buffer.concat([PNG, HTML]),
      'image/png',
      'polyglot',
      /38 bytes follow the end/,
    ],
    [
      'a PNG that is a zip as well',
      () => Buffer.concat([PNG, SMALL_ZIP]),
      'image/png',
      'polyglot',
      /follow the end/,
    ],
    ['a zip bomb', () => bomb(0), 'application/zip', 'archive_ratio', /200 times its size/],
    ['a zip bomb in layers', () => bomb(1), 'application/zip', 'archive_ratio', /200 times/],
    [
      'a zip that leads out of its folder',
      () => zipOf([{ name: '../../etc/cron.d/x', content: HTML }]),
      'application/zip',
      'archive_name',
      /relative path/,
    ],
    [
      'a PNG of 20,000 × 20,000',
      () => vastPng(20_000),
      'image/png',
      'image_pixels',
      /20000 × 20000/,
    ],
    [
      'a table with a bad row',
      badTable,
      'text/csv',
      'schema_type',
      /row 70001, column amount: must be number/,
    ],
  ])(
    'is rejected with a report that says why, and read by nobody: %s',
    async (...given) => {
      const [, make, contentType, rule, message] = given;
      const bytes = make();
      await pause(50); // connections that grew too old while nobody looked are closed
      const { answer, seen, tries, objectId } = await upload(bytes, contentType);
      expect(answer).toMatchObject({
        status: 'rejected',
        reason: expect.stringMatching(message),
        report: {
          checks: expect.arrayContaining([expect.objectContaining({ outcome: 'failed' })]),
          violations: [{ rule, message: expect.stringMatching(message) }],
          inspectedAt: expect.any(String),
        },
      });
      expect(seen).toEqual([]);
      expect(tries).toBeGreaterThan(1);
      const record = await broker.ledger.objects.find(objectId);
      const apart = await eventually(
        () => (record ? store().head(quarantineKeyOf(record)) : Promise.resolve(undefined)),
        (found) => found !== undefined,
      );
      expect(apart).toMatchObject({ contentType: 'application/octet-stream' });
      expect(await readdir(join(broker.home, 'inspection'))).toEqual([]);
    },
    60_000,
  );

  it('is released where nothing is wrong, with a report that says what was looked at', async () => {
    const table = Buffer.from('order,amount\na,1.5\nb,2\n');
    const { answer, seen } = await upload(table, 'text/csv');
    // Whoever looks on sees what there is to be seen: where they saw nothing, there was nothing.
    expect(new Set(seen)).toEqual(new Set(['listed', 'downloadable', 'under its final key']));
    expect(answer).toMatchObject({
      status: 'available',
      report: {
        checks: ['size', 'type', 'schema'].map((check) => ({ check, outcome: 'passed' })),
        violations: [],
      },
    });
    const image = await upload(PNG, 'image/png');
    expect(image.answer).toMatchObject({
      status: 'available',
      report: {
        checks: ['size', 'type', 'polyglot', 'image'].map((check) => ({
          check,
          outcome: 'passed',
        })),
      },
    });
  });
});
