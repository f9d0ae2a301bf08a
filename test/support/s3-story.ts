import { expect, it } from '@jest/globals';
import type { DeploymentDocument } from '../../src/config/deployment.ts';
import type { TestDaypass } from './daypass.ts';
import { PNG, startStory } from './upload-story.ts';

export interface S3Place {
  readonly endpoint: string;
  readonly bucket: string;
  readonly region: string;
}

/** The demo configuration with its one bucket on an S3 server, credentials from A and B. */
export const onS3 =
  ({ endpoint, bucket, region }: S3Place) =>
  (demo: DeploymentDocument): DeploymentDocument => ({
    ...demo,
    buckets: [
      {
        id: 'project-123',
        tenant: 'acme',
        provider: 's3',
        bucket,
        region,
        endpoint,
        credentials: { access_key_id_env: 'A', secret_access_key_env: 'B' },
      },
    ],
  });

/** The main job through a bucket on S3: what every S3 server must let through. */
export const itDoesTheMainJob = (broker: () => TestDaypass): void => {
  it('uploads, validates, lists, downloads once and deletes', async () => {
    const { client, key, token, requestUpload, put, settled } = await startStory(broker());
    const upload = await requestUpload({ path: 'menus/' });
    expect((await put(upload.body, PNG)).status).toBe(200);
    const { objectId } = upload.body;
    expect(await settled(objectId)).toMatchObject({ status: 'available' });

    const list = await client.call('/objects', { token, key });
    expect(list.body.items).toMatchObject([{ objectId, contentType: 'image/png' }]);
    const download = await client.call('/request-download', { body: { objectId }, token, key });
    const first = await fetch(String(download.body.downloadUrl));
    expect(Buffer.from(await first.arrayBuffer())).toEqual(PNG);
    expect((await fetch(String(download.body.downloadUrl))).status).toBe(410);

    const again = await client.call('/request-download', {
      body: { objectId, once: false },
      token,
      key,
    });
    expect(again.body).toMatchObject({ guarantee: 'expires' });
    expect(
      (await fetch(String(again.body.downloadUrl))).headers.get('content-disposition'),
    ).toMatch(/^attachment/);
    const gone = await client.call(`/objects/${String(objectId)}`, {
      method: 'DELETE',
      token,
      key,
    });
    expect(gone.status).toBe(204);
    expect((await fetch(String(again.body.downloadUrl))).status).toBe(404);
  });

  it('rejects bytes that are not what was declared', async () => {
    const { requestUpload, put, settled } = await startStory(broker());
    const text = Buffer.from('<script>alert(1)</script>'.padEnd(PNG.length, ' '));
    const upload = await requestUpload();
    expect((await put(upload.body, text)).status).toBe(200);
    expect(await settled(upload.body.objectId)).toMatchObject({
      status: 'rejected',
      reason: expect.stringContaining('image/png'),
    });
  });

  it('is refused by the storage itself: other length, other type, other key, tampered life', async () => {
    const { requestUpload, put } = await startStory(broker());
    const { body: upload } = await requestUpload();
    const url = String(upload.uploadUrl);
    expect((await put(upload, Buffer.concat([PNG, PNG]))).status).toBe(403);
    expect((await put(upload, PNG, { 'content-type': 'text/html' })).status).toBe(403);
    const moved = url.replace(/\.daypass-staging\/[^/?]+/, 'where2eat');
    expect(moved).not.toBe(url);
    expect((await put({ ...upload, uploadUrl: moved }, PNG)).status).toBe(403);
    const longer = url.replace(/X-Amz-Expires=\d+/, 'X-Amz-Expires=86400');
    expect(longer).not.toBe(url);
    expect((await put({ ...upload, uploadUrl: longer }, PNG)).status).toBe(403);
    expect((await fetch(url)).status).toBe(403);
  });
};
