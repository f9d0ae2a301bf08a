import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createLocalStore } from '../../src/storage/local/local-store.ts';
import { type Clamd, startClamd } from '../support/clamd.ts';
import { startTestDaypass, type TestDaypass } from '../support/daypass.ts';
import { startOnlooker } from '../support/onlooker.ts';
import { freePort } from '../support/rig.ts';
import { eventually, startStory } from '../support/upload-story.ts';
import { eicar, zipOf } from '../support/uploads-gone-wrong.ts';

let clamd: Clamd;
let broker: TestDaypass;
let story: Awaited<ReturnType<typeof startStory>>;
beforeAll(async () => {
  clamd = await startClamd(await freePort());
  broker = await startTestDaypass({
    configure: (demo) => ({
      ...demo,
      apps: (demo.apps ?? []).map((app) => ({
        ...app,
        grants: (app.grants ?? []).map((grant) =>
          'prefix' in grant ? { ...grant, content_types: ['*/*'] } : grant,
        ),
      })),
      buckets: (demo.buckets ?? []).map((bucket) => ({
        ...bucket,
        validate: { antivirus: clamd.address },
      })),
    }),
  });
  story = await startStory(broker);
}, 60_000);
afterAll(async () => {
  await broker?.stop();
  await clamd?.remove();
});

const storedAt = (key: string) =>
  createLocalStore({
    root: join(broker.home, 'objects', 'project-123'),
    bucket: 'project-123',
    baseUrl: 'http://unused.example',
    secret: Buffer.alloc(32),
  }).head(key);

const put = async (bytes: Buffer, contentType: string): Promise<string> => {
  const described = { filename: 'file', contentType, size: bytes.length };
  const { body } = await story.requestUpload(described);
  expect((await story.put(body, bytes)).status).toBe(200);
  return String(body.objectId);
};

describe('a real clamd', () => {
  it.each<[string, () => Buffer, string]>([
    ['as it is', eicar, 'text/plain'],
    ['in a zip', () => zipOf([{ name: 'a.txt', content: eicar() }]), 'application/zip'],
  ])('finds EICAR %s: quarantined, named in the report, read by nobody', async (...given) => {
    const [, make, contentType] = given;
    const objectId = await put(make(), contentType);
    const onlooker = startOnlooker(broker, story, objectId, storedAt);
    expect(await story.settled(objectId)).toMatchObject({
      status: 'quarantined',
      reason: expect.stringContaining('Eicar-Test-Signature'),
      report: {
        checks: expect.arrayContaining([
          expect.objectContaining({ check: 'antivirus', outcome: 'failed' }),
        ]),
        violations: [{ rule: 'malware' }],
      },
    });
    const { seen, tries } = await onlooker.stop();
    expect(seen).toEqual([]);
    expect(tries).toBeGreaterThan(0);
  });

  it('lets pass what it does not know', async () => {
    expect(await story.settled(await put(Buffer.from('soup'), 'text/plain'))).toMatchObject({
      status: 'available',
      report: {
        checks: ['size', 'type', 'antivirus'].map((check) => ({ check, outcome: 'passed' })),
      },
    });
  });

  it.each([3_000_000, 9_000_000])(
    'is too small for %i bytes: rejected at the first try, with a report that says why',
    async (size) => {
      const objectId = await put(Buffer.alloc(size, 'soup\n'), 'text/plain');
      const onlooker = startOnlooker(broker, story, objectId, storedAt);
      const read = () => broker.ledger.objects.find(objectId);
      await story.client.call(`/uploads/${objectId}/complete`, {
        method: 'POST',
        token: story.token,
        key: story.key,
      });
      // The first report there is, and not one after others that said it waits.
      const judged = await eventually(read, (object) => object?.report !== undefined);
      expect(judged).toMatchObject({
        status: 'rejected',
        reason: expect.stringContaining('larger than the virus scanner'),
        report: {
          checks: expect.arrayContaining([
            expect.objectContaining({ check: 'antivirus', outcome: 'failed' }),
          ]),
          violations: [{ field: 'size', rule: 'too_large_to_inspect' }],
        },
      });
      expect(await onlooker.stop()).toMatchObject({ seen: [] });
    },
  );

  it('that is gone keeps uploads waiting, for all to see, until it is back', async () => {
    await clamd.stop();
    const objectId = await put(Buffer.from('salad'), 'text/plain');
    const onlooker = startOnlooker(broker, story, objectId, storedAt);
    const read = () => broker.ledger.objects.find(objectId);
    const waiting = await eventually(read, (object) => (object?.attempts ?? 0) >= 2);
    expect(waiting).toMatchObject({
      status: 'validating',
      report: { checks: [{ check: 'antivirus', outcome: 'waiting' }] },
    });
    expect(await onlooker.stop()).toMatchObject({ seen: [] });
    await clamd.start();
    broker.advance(60);
    expect(await eventually(read, (object) => object?.status === 'available')).toBeDefined();
  }, 60_000);
});
