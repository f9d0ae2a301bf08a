import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Admin } from '../../src/broker/admin.ts';
import { quarantineKeyOf } from '../../src/broker/upload/inspected-bytes.ts';
import { createOverseeUploads } from '../../src/broker/upload/oversee-uploads.ts';
import { createSettleBytes } from '../../src/broker/upload/settle-bytes.ts';
import type { ObjectRecord } from '../../src/ledger/records.ts';
import { createLocalStore } from '../../src/storage/local/local-store.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { createClient, newKey } from '../support/client.ts';
import { startTestDaypass, type TestDaypass } from '../support/daypass.ts';
import { eventually, PNG, startStory } from '../support/upload-story.ts';

let broker: TestDaypass;
let story: Awaited<ReturnType<typeof startStory>>;
let rejected: readonly ObjectRecord[];
let admin: (path: string, options?: object) => ReturnType<typeof story.client.call>;
let desk: (path: string, options?: object) => ReturnType<typeof story.client.call>;
beforeAll(async () => {
  broker = await startTestDaypass();
  story = await startStory(broker);
  const client = createClient(broker.url);
  const key = newKey();
  const { body } = await client.call('/exchange', {
    body: { app_id: 'daypass-cli', resource: `${broker.issuer}/admin`, actions: ['admin'] },
    token: await broker.signIn('sam', 'daypass'),
    key,
    bound: false,
  });
  const token = String(body.access_token);
  admin = (path, options) => client.call(`/admin/v1${path}`, { ...options, token, key });
  desk = (path, options) => admin(`/uploads${path}`, options);
  const lie = Buffer.alloc(PNG.length, 'x');
  rejected = [await uploaded(lie), await uploaded(lie)];
}, 60_000);
afterAll(() => broker?.stop());

const bucket = () =>
  createLocalStore({
    root: join(broker.home, 'objects', 'project-123'),
    bucket: 'project-123',
    baseUrl: 'http://unused.example',
    secret: Buffer.alloc(32),
  });
const head = (key: string) => bucket().head(key);

/** The same picture, and a remark. */
const anotherPng = () => {
  const remark = Buffer.from('tEXtComment\0of another');
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(remark.length - 4);
  sum.writeUInt32BE(crc32(remark));
  const end = PNG.length - 12;
  return Buffer.concat([PNG.subarray(0, end), length, remark, sum, PNG.subarray(end)]);
};

/** What somebody does who holds credentials of the cloud for the final key. */
const replace = async ({ key }: ObjectRecord, by: ObjectRecord): Promise<void> => {
  await bucket().copy(by.key, key, String(by.revision), 'image/png');
  expect((await head(key))?.version).toBe(by.revision);
};

const uploaded = async (bytes = PNG): Promise<ObjectRecord> => {
  const { body } = await story.requestUpload({ size: bytes.length });
  await story.put(body, bytes);
  await story.settled(body.objectId);
  return recordOf(String(body.objectId));
};

const recordOf = async (objectId: string): Promise<ObjectRecord> => {
  const record = await broker.ledger.objects.find(objectId);
  if (!record) throw new Error('no such object');
  return record;
};

/** What was found in place of what was inspected, as it is on record. */
const replacements = async ({ objectId }: ObjectRecord) => {
  const filter = { objectId, action: 'upload.replaced' };
  const events = await broker.ledger.audit.search(filter, { limit: 10, after: undefined });
  return events.map(({ detail }) => detail);
};

describe('the security desk', () => {
  it('is refused what the state of an upload does not allow, and what does not exist', async () => {
    const [one] = rejected;
    const remedies = { quarantine: /its status/, release: /rejected bytes are never released/ };
    for (const [decision, remedy] of Object.entries(remedies)) {
      const answer = await desk(`/${one?.objectId}/${decision}`, { body: {} });
      expect(answer).toMatchObject({
        status: 409,
        body: {
          violations: [
            { field: 'id', rule: 'upload_status', remedy: expect.stringMatching(remedy) },
          ],
        },
      });
    }
    const unknown = await desk('/ob_00000000000000000000000000/release', { body: {} });
    expect(unknown.status).toBe(404);
    const [said] = unknown.body.violations as { remedy: string }[];
    expect(said?.remedy).toMatch(/list the uploads/);
    expect((await recordOf(String(one?.objectId))).status).toBe('rejected');
  });

  it('need not say why: no body is as good as an empty object', async () => {
    const { objectId } = await uploaded();
    const said = { method: 'POST' };
    const [taken, given] = [
      await desk(`/${objectId}/quarantine`, said),
      await desk(`/${objectId}/release`, said),
    ];
    expect([taken.status, taken.body.status]).toEqual([200, 'quarantined']);
    expect([given.status, given.body.status]).toEqual([200, 'available']);
    const spaces = await desk(`/${objectId}/quarantine`, { method: 'POST', body: ' ' });
    expect([spaces.status, spaces.body.error]).toEqual([400, 'invalid_request']);
  }, 60_000);

  it('deletes what was rejected', async () => {
    const [one] = rejected as [ObjectRecord];
    const isThere = (found: unknown): boolean => found !== undefined;
    await eventually(() => head(quarantineKeyOf(one)), isThere);
    const path = `/${one.objectId}?reason=a+lie`;
    expect((await desk(path, { method: 'DELETE' })).status).toBe(204);
    expect(await head(quarantineKeyOf(one))).toBeUndefined();
    const filter = { objectId: one.objectId, action: 'upload.delete' };
    const [event] = await broker.ledger.audit.search(filter, { limit: 1, after: undefined });
    expect(event).toMatchObject({ outcome: 'granted', detail: { reason: 'a lie' } });
  }, 60_000);

  describe('where somebody writes to the final key', () => {
    const OTHER = anotherPng();

    it('puts back what was inspected, whatever was put there meanwhile', async () => {
      const [one, other] = [await uploaded(), await uploaded(OTHER)];
      await desk(`/${one.objectId}/quarantine`, { body: {} });
      await replace(one, other);
      expect((await desk(`/${one.objectId}/release`, { body: {} })).status).toBe(200);
      const ask = { body: { objectId: one.objectId }, token: story.token, key: story.key };
      const { body } = await story.client.call('/request-download', ask);
      const download = await fetch(String(body.downloadUrl));
      expect(Buffer.from(await download.arrayBuffer())).toEqual(PNG);
      expect(await replacements(one)).toMatchObject([{ found: other.revision }]);
    }, 60_000);

    it('keeps as evidence what was inspected, and says on record that something else was found', async () => {
      const [one, other] = [await uploaded(), await uploaded(OTHER)];
      await replace(one, other);
      await desk(`/${one.objectId}/quarantine`, { body: {} });
      const kept = await head(quarantineKeyOf(one));
      expect([kept?.version, await head(one.key)]).toEqual([one.revision, undefined]);
      const { revision: expected } = one;
      expect(await replacements(one)).toMatchObject([{ expected, found: other.revision }]);
      expect((await desk(`/${one.objectId}`, { method: 'DELETE' })).status).toBe(204);
    }, 60_000);

    it('says so as well where it is taken away again right after its release', async () => {
      const [one, other] = [await uploaded(), await uploaded(OTHER)];
      await desk(`/${one.objectId}/quarantine`, { body: {} });
      await desk(`/${one.objectId}/release`, { body: {} });
      await replace(one, other);
      await desk(`/${one.objectId}/quarantine`, { body: {} });
      expect(await replacements(one)).toMatchObject([{ found: other.revision }]);
      expect((await head(quarantineKeyOf(one)))?.version).toBe(one.revision);
      expect((await desk(`/${one.objectId}`, { method: 'DELETE' })).status).toBe(204);
    }, 60_000);
  });

  it('releases what was inspected, and nothing that the same URL wrote later', async () => {
    const own = await startStory(broker);
    const { body } = await own.requestUpload();
    const objectId = String(body.objectId);
    await own.put(body, PNG);
    await admin('/revocations', { body: { target: { token_id: own.tokenId }, reason: 'lost' } });
    const isWithheld = ({ status }: ObjectRecord): boolean => status === 'quarantined';
    const { stagingKey } = await eventually(() => recordOf(objectId), isWithheld);
    // As on a server that takes a second PUT.
    await bucket().delete(stagingKey);
    const script = Buffer.from('<script>alert(1)</script>'.padEnd(PNG.length, ' '));
    expect((await own.put(body, script)).status).toBe(200);

    expect((await desk(`/${objectId}/release`, { body: {} })).status).toBe(200);
    const other = await startStory(broker);
    const ask = { body: { objectId }, token: other.token, key: other.key };
    const { downloadUrl } = (await other.client.call('/request-download', ask)).body;
    const download = await fetch(String(downloadUrl));
    expect(Buffer.from(await download.arrayBuffer())).toEqual(PNG);
  }, 60_000);

  it('releases nothing where what was inspected is nowhere any more', async () => {
    const { objectId, key, stagingKey } = await uploaded();
    await desk(`/${objectId}/quarantine`, { body: {} });
    const record = await recordOf(objectId);
    for (const place of [quarantineKeyOf(record), stagingKey]) await bucket().delete(place);
    const other = await uploaded(anotherPng());
    await bucket().copy(other.key, quarantineKeyOf(record), String(other.revision), 'image/png');
    const refused = await desk(`/${objectId}/release`, { body: {} });
    expect(refused).toMatchObject({
      status: 409,
      body: { violations: [{ field: 'id', rule: 'inspected_bytes_gone' }] },
    });
    expect([(await recordOf(objectId)).status, await head(key)]).toEqual([
      'quarantined',
      undefined,
    ]);
    expect((await desk(`/${objectId}`, { method: 'DELETE' })).status).toBe(204);
  }, 60_000);

  it('leaves nothing of what it deletes while a release copies it', async () => {
    const { objectId, key } = await uploaded();
    await desk(`/${objectId}/quarantine`, { body: {} });
    const apart = quarantineKeyOf(await recordOf(objectId));
    // A copy in a cloud: once begun, it needs its source no more.
    let answer: Awaited<ReturnType<typeof desk>> | undefined;
    const slow: ObjectStore = {
      ...bucket(),
      copy: async (...how) => {
        await bucket().copy(apart, `${apart}-begun`, how[2], how[3]);
        answer = await desk(`/${objectId}`, { method: 'DELETE' });
        await bucket().copy(`${apart}-begun`, key, how[2], how[3]);
      },
    };
    const { objects, tokens, audit, clock } = broker.ledger;
    const { now } = clock;
    const onError = (error: unknown): never => {
      throw error;
    };
    const parts = { objects, tokens, audit, now, onError, stores: () => slow };
    const { releaseUpload } = createOverseeUploads({
      ...parts,
      settleBytes: createSettleBytes(parts),
    });
    const someone = { deployment: true, known: {}, holder: { keys: [], authorities: [] } };
    await expect(releaseUpload(someone as unknown as Admin, objectId)).rejects.toMatchObject({
      code: 'conflict',
    });
    expect([answer?.status, await head(key), await head(apart)]).toEqual([
      204,
      undefined,
      undefined,
    ]);
  }, 60_000);

  it('takes an object away, with its bytes, and puts it back where it was', async () => {
    const { objectId, key } = await uploaded();
    const ask = { body: { objectId, once: false }, token: story.token, key: story.key };
    const url = String((await story.client.call('/request-download', ask)).body.downloadUrl);
    expect((await fetch(url)).status).toBe(200);

    const taken = await desk(`/${objectId}/quarantine`, { body: { reason: 'a leaked menu' } });
    expect(taken.body).toMatchObject({ status: 'quarantined', reason: 'a leaked menu', key });
    const apart = quarantineKeyOf(await recordOf(objectId));
    expect([await head(key), await head(apart)]).toMatchObject([undefined, { size: PNG.length }]);
    expect((await fetch(url)).status).toBe(404);
    expect((await story.client.call('/request-download', ask)).status).toBe(404);
    const listed = await desk('?status=quarantined');
    expect(listed.body.items).toMatchObject([{ object_id: objectId, apart: true }]);
    // Said twice, it is done once.
    expect((await desk(`/${objectId}/quarantine`, { body: {} })).status).toBe(200);

    const released = await desk(`/${objectId}/release`, { body: {} });
    expect(released.body).toMatchObject({ status: 'available', key, reason: null });
    const bytes = await (await fetch(url)).arrayBuffer();
    expect(Buffer.from(bytes)).toEqual(PNG);
    broker.advance(11 * 60);
    await eventually(
      () => head(apart),
      (found) => found === undefined,
    );
    expect(await head(key)).toMatchObject({ contentType: 'image/png' });
  }, 60_000);

  describe('what an app deletes', () => {
    /** Its staging has long been cleared: nothing else would look at it again. */
    const settledLongAgo = async (): Promise<ObjectRecord> => {
      story = await startStory(broker);
      const object = await uploaded();
      broker.advance(10 * 60);
      await eventually(
        () => broker.ledger.objects.strays([object.stagingKey]),
        ([stray]) => stray?.isLate === true,
      );
      story = await startStory(broker);
      return object;
    };
    const remove = ({ objectId }: ObjectRecord) =>
      story.client.call(`/objects/${objectId}`, {
        method: 'DELETE',
        token: story.token,
        key: story.key,
      });

    it('is deleted in the end where the storage was out', async () => {
      const object = await settledLongAgo();
      const root = join(broker.home, 'objects', 'project-123');
      await rename(root, `${root}.away`);
      await writeFile(root, '');
      const refused = await remove(object);
      await rm(root);
      await rename(`${root}.away`, root);
      expect([refused.status, (await remove(object)).status]).toEqual([503, 404]);
      broker.advance(61);
      await eventually(
        () => head(object.key),
        (found) => found === undefined,
      );
    }, 60_000);
  });

  it('finds no rejected bytes after a week', async () => {
    const other = rejected[1] as ObjectRecord;
    const isThere = (found: unknown): boolean => found !== undefined;
    await eventually(() => head(quarantineKeyOf(other)), isThere);
    broker.advance(7 * 24 * 3_600 + 60);
    await eventually(
      () => head(quarantineKeyOf(other)),
      (found) => found === undefined,
    );
    expect(await recordOf(other.objectId)).toMatchObject({ status: 'rejected' });
  }, 60_000);
});
