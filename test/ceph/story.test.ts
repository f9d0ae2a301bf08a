import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestDaypass, type TestDaypass } from '../support/daypass.ts';
import { onS3 } from '../support/s3-story.ts';
import { PNG, startStory } from '../support/upload-story.ts';
import { CEPH_CREDENTIALS, placeOnCeph } from './gateway.ts';

let broker: TestDaypass;

beforeAll(async () => {
  broker = await startTestDaypass({
    configure: onS3(await placeOnCeph()),
    env: { A: CEPH_CREDENTIALS.accessKeyId, B: CEPH_CREDENTIALS.secretAccessKey },
  });
}, 60_000);
afterAll(() => broker?.stop());

describe("an upload on Ceph's object gateway", () => {
  it('is refused a second PUT by the storage itself, also after validation', async () => {
    const { requestUpload, put, settled } = await startStory(broker);
    const { body: upload } = await requestUpload();
    expect((await put(upload, PNG)).status).toBe(200);
    expect((await put(upload, PNG)).status).toBe(412);
    expect(await settled(upload.objectId)).toMatchObject({ status: 'available' });
    expect((await put(upload, PNG)).status).toBe(412);
  });

  it('lets nobody read the staging area, nor anything without a signature', async () => {
    const { requestUpload, put } = await startStory(broker);
    const { body: upload } = await requestUpload();
    await put(upload, PNG);
    const plain = String(upload.uploadUrl).split('?')[0] ?? '';
    expect((await fetch(plain)).status).toBe(403);
  });
});
