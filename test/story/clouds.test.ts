import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DeploymentDocument } from '../../src/config/deployment.ts';
import { type Azurite, startAzurite } from '../support/azurite.ts';
import { startTestDaypass, type TestDaypass } from '../support/daypass.ts';
import { type GcsStandIn, startGcsStandIn } from '../support/gcs-stand-in.ts';
import { PNG, startStory } from '../support/upload-story.ts';

type Bucket = NonNullable<DeploymentDocument['buckets']>[number];

const onBucket =
  (bucket: Bucket) =>
  (demo: DeploymentDocument): DeploymentDocument => ({ ...demo, buckets: [bucket] });
const common = { id: 'project-123', tenant: 'acme', bucket: 'acme-project-123' };

/** The same story as on S3 and on the local disk: what differs is who holds an upload to its grant. */
const itDoesTheMainJob = (broker: () => TestDaypass): void => {
  it('uploads, validates, lists, downloads once and deletes', async () => {
    const { client, key, token, requestUpload, put, settled } = await startStory(broker());
    const upload = await requestUpload({ path: 'menus/' });
    expect([200, 201]).toContain((await put(upload.body, PNG)).status);
    const { objectId } = upload.body;
    expect(await settled(objectId)).toMatchObject({ status: 'available' });

    const list = await client.call('/objects', { token, key });
    expect(list.body.items).toMatchObject([{ objectId, contentType: 'image/png' }]);
    const download = await client.call('/request-download', { body: { objectId }, token, key });
    const first = await fetch(String(download.body.downloadUrl));
    expect(Buffer.from(await first.arrayBuffer())).toEqual(PNG);
    expect((await fetch(String(download.body.downloadUrl))).status).toBe(410);

    const body = { objectId, once: false };
    const again = await client.call('/request-download', { body, token, key });
    expect(again.body).toMatchObject({ guarantee: 'expires' });
    const headers = { range: 'bytes=0-3' };
    const part = await fetch(String(again.body.downloadUrl), { headers });
    expect([part.status, Buffer.from(await part.arrayBuffer())]).toEqual([206, PNG.subarray(0, 4)]);
    expect(part.headers.get('content-disposition')).toMatch(/^attachment/);

    const method = 'DELETE';
    const gone = await client.call(`/objects/${String(objectId)}`, { method, token, key });
    expect(gone.status).toBe(204);
    expect((await fetch(String(again.body.downloadUrl))).status).toBe(404);
  });

  it('rejects bytes that are not what was declared', async () => {
    const { requestUpload, put, settled } = await startStory(broker());
    const text = Buffer.from('<script>alert(1)</script>'.padEnd(PNG.length, ' '));
    const upload = await requestUpload();
    expect([200, 201]).toContain((await put(upload.body, text)).status);
    expect(await settled(upload.body.objectId)).toMatchObject({
      status: 'rejected',
      reason: expect.stringContaining('image/png'),
    });
  });

  it('never takes more than was granted', async () => {
    const { requestUpload, put, settled } = await startStory(broker());
    const { body: upload } = await requestUpload();
    const { status } = await put(upload, Buffer.concat([PNG, PNG]));
    const held = (upload.enforcement as { constraint: string; by: string }[]).find(
      ({ constraint }) => constraint === 'size',
    );
    if (held?.by === 'storage') expect(status).toBe(400);
    else expect(await settled(upload.objectId)).toMatchObject({ status: 'rejected' });
  });
};

describe('a bucket on Azure', () => {
  let azurite: Azurite;
  let broker: TestDaypass;
  beforeAll(async () => {
    azurite = await startAzurite();
    await azurite.createContainer('acme-project-123');
    const { account, endpoint, accountKey } = azurite;
    const credentials = { account, account_key_env: 'K' };
    broker = await startTestDaypass({
      configure: onBucket({ ...common, provider: 'azure', endpoint, credentials }),
      env: { K: accountKey },
    });
  }, 60_000);
  afterAll(async () => {
    await broker?.stop();
    await azurite?.stop();
  });

  itDoesTheMainJob(() => broker);

  it('says before anything is on record what one upload takes, and that it takes no parts', async () => {
    const { requestUpload, tokenId } = await startStory(broker);
    const size = 5_000 * 1024 ** 2 + 1;
    for (const [asked, rule] of [
      [{ size }, 'one_put'],
      [{ size, multipart: true }, 'not_supported'],
    ] as const) {
      const refused = await requestUpload(asked);
      expect([refused.status, refused.body.violations]).toMatchObject([400, [{ rule }]]);
      expect(refused.text).toContain('5242880000 bytes');
    }
    const asked = { tokenId, action: 'upload.request' };
    const trail = await broker.ledger.audit.search(asked, { limit: 5, after: undefined });
    expect(trail.map(({ outcome }) => outcome)).toEqual(['denied', 'denied']);
  });
});

describe('a bucket on Azure whose uploads nobody looks at', () => {
  let azurite: Azurite;
  let broker: TestDaypass;
  beforeAll(async () => {
    azurite = await startAzurite();
    const { account, endpoint, accountKey } = azurite;
    const credentials = { account, account_key_env: 'K' };
    const validate = { sniff: false };
    broker = await startTestDaypass({
      configure: onBucket({ ...common, provider: 'azure', endpoint, credentials, validate }),
      env: { K: accountKey },
    });
  }, 60_000);
  afterAll(async () => {
    await broker?.stop();
    await azurite?.stop();
  });

  it('takes none where content types are limited, and says who could hold it to them', async () => {
    const { requestUpload } = await startStory(broker);
    const refused = await requestUpload();
    expect(refused.status).toBe(403);
    expect(refused.body).toMatchObject({
      error: 'access_denied',
      violations: [{ rule: 'upload_enforceable', remedy: expect.stringContaining('sniff') }],
    });
    expect(JSON.stringify(refused.body)).not.toContain('sig=');
  });
});

describe('a bucket on Google Cloud', () => {
  let server: GcsStandIn;
  let broker: TestDaypass;
  beforeAll(async () => {
    server = await startGcsStandIn();
    const { endpoint, serviceAccount } = server;
    const credentials = { service_account_env: 'K' };
    broker = await startTestDaypass({
      configure: onBucket({ ...common, provider: 'gcs', endpoint, credentials }),
      env: { K: serviceAccount },
    });
  }, 60_000);
  afterAll(async () => {
    await broker?.stop();
    await server?.stop();
  });

  itDoesTheMainJob(() => broker);
});
