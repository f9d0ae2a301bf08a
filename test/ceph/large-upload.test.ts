import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DeploymentDocument } from '../../src/config/deployment.ts';
import { newKey } from '../support/client.ts';
import { type Rig, startRig } from '../support/rig.ts';
import { onS3 } from '../support/s3-story.ts';
import { eventually, startStory } from '../support/upload-story.ts';
import { bucketOnCeph, CEPH_CREDENTIALS, placeOnCeph } from './gateway.ts';

/**
 * Uploads in parts through a broker process of its own. LARGE_UPLOAD_MB is how large: 64 by default, so that it takes
 * seconds; 1024 against a gateway that keeps objects in a file (CEPH_OSD=file scripts/ceph-up.sh).
 */
const MB = 1024 ** 2;
const SIZE = Number(process.env.LARGE_UPLOAD_MB ?? 64) * MB;
/** What the broker's memory may grow by, whatever the size: it signs, and reads what it inspects as a stream. */
const FLAT = 160 * MB;

interface Part {
  readonly partNumber: number;
  readonly size: number;
  readonly url: string;
  readonly headers: Record<string, string>;
}

let rig: Rig;

/** Without limits of size and type, on a bucket of the gateway. */
const unlimited = (demo: DeploymentDocument): DeploymentDocument => ({
  ...demo,
  apps: (demo.apps ?? []).map(({ limits: _, ...app }) => ({
    ...app,
    grants: (app.grants ?? []).map(({ max_size: _size, content_types: _types, ...grant }) => grant),
  })),
});

beforeAll(async () => {
  const place = await placeOnCeph();
  rig = await startRig({
    configure: (demo) => unlimited(onS3(place)(demo)),
    env: { A: CEPH_CREDENTIALS.accessKeyId, B: CEPH_CREDENTIALS.secretAccessKey },
  });
}, 60_000);
afterAll(() => rig?.stop());

/** Bytes that differ from part to part, the same at each asking. */
const bytesOf = ({ partNumber, size }: Pick<Part, 'partNumber' | 'size'>): Buffer =>
  Buffer.alloc(size, `part ${partNumber} of a large file\n`);

const put = async (part: Part, body = bytesOf(part)): Promise<number> => {
  const answer = await fetch(part.url, { method: 'PUT', headers: part.headers, body });
  await answer.arrayBuffer();
  return answer.status;
};

/** A connection that breaks half way. */
const putHalf = (part: Part): Promise<void> =>
  new Promise((resolve) => {
    const sent = request(part.url, {
      method: 'PUT',
      headers: { ...part.headers, 'content-length': part.size },
    });
    sent.on('error', () => resolve());
    sent.write(bytesOf(part).subarray(0, part.size / 2), () => sent.destroy());
    sent.on('close', () => resolve());
  });

/** The most that the process ever held, in bytes. */
const peakOf = async (pid: number): Promise<number> => {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) * 1024;
};

const open = async (size: number, described: object = {}) => {
  const story = await startStory(rig);
  const call = (path: string, body?: object) =>
    story.client.call(path, {
      method: 'POST',
      ...(body && { body }),
      token: story.token,
      key: story.key,
    });
  const asked = { filename: 'film.bin', contentType: 'application/octet-stream', size };
  const upload = await story.requestUpload({ ...asked, multipart: true, ...described });
  expect(upload.status).toBe(201);
  const objectId = String(upload.body.objectId);
  return { ...story, call, upload, objectId, parts: upload.body.parts as readonly Part[] };
};

describe('an upload in parts', () => {
  it('goes on after a part that broke, becomes one object, and leaves the broker its memory', async () => {
    const digest = createHash('sha256');
    for (let at = 0; at < SIZE; at += 16 * MB) {
      const partNumber = at / (16 * MB) + 1;
      digest.update(bytesOf({ partNumber, size: Math.min(16 * MB, SIZE - at) }));
    }
    const sha256 = digest.digest('hex');
    const { upload, objectId, parts, call, client, token, key } = await open(SIZE, { sha256 });
    const before = await peakOf(rig.broker.pid);
    expect(upload.body).not.toHaveProperty('uploadUrl');
    expect(parts.map(({ size }) => size).reduce((sum, size) => sum + size, 0)).toBe(SIZE);

    const [first, second, ...others] = parts;
    if (!first || !second) throw new Error('a file of two parts at least');
    for (const part of [first, ...others]) expect(await put(part)).toBe(200);
    await putHalf(second);
    // A part is of its own size, and no other: the storage itself says so.
    expect(await put(second, bytesOf({ ...second, size: second.size - 1 }))).toBe(403);
    const early = await call(`/uploads/${objectId}/complete`);
    expect(early.status).toBe(409);
    expect(early.body.violations).toMatchObject([{ rule: 'parts_missing', field: 'parts' }]);
    expect(early.text).toContain(`1 of ${parts.length} parts are missing: 2`);

    const again = await call(`/uploads/${objectId}/parts`, {});
    expect(again.status).toBe(201);
    const fresh = again.body.parts as readonly Part[];
    expect(fresh.map(({ partNumber }) => partNumber)).toEqual([2]);
    expect(again.body.arrived).toHaveLength(parts.length - 1);
    for (const part of fresh) expect(await put(part)).toBe(200);

    expect((await call(`/uploads/${objectId}/complete`)).status).toBe(202);
    const read = () => client.call(`/uploads/${objectId}`, { token, key });
    const waiting = ['pending', 'uploaded', 'validating'];
    const ended = await eventually(
      read,
      ({ body }) => !waiting.includes(String(body.status)),
      6_000,
    );
    expect(ended.body).toMatchObject({ status: 'available', size: SIZE, sha256 });
    // The upload is over: no URL of it writes anything any more.
    expect(await put(second)).toBe(404);
    const grown = (await peakOf(rig.broker.pid)) - before;
    process.stderr.write(
      `broker: ${SIZE / MB} MB in ${parts.length} parts, memory grew by ${Math.round(grown / MB)} MB at most\n`,
    );
    expect(grown).toBeLessThan(FLAT);
  }, 600_000);

  it('is put together once by calls at the same time, and each is told that it is there', async () => {
    for (let round = 0; round < 3; round += 1) {
      const { call, objectId, parts } = await open(20 * MB);
      for (const part of parts) expect(await put(part)).toBe(200);
      const complete = () => call(`/uploads/${objectId}/complete`);
      const answers = await Promise.all(Array.from({ length: 6 }, complete));
      expect(answers.map(({ status }) => status)).toEqual(Array(6).fill(202));
    }
  }, 60_000);

  it('is found among the unended by its prefix and its age, until it is aborted', async () => {
    const store = await bucketOnCeph();
    const [key, contentType] = ['.daypass-staging/ob_1/0123', 'text/plain'];
    await store.beginParts({ key, contentType });
    await store.beginParts({ key: 'elsewhere/a.txt', contentType });
    const soon = new Date(Date.now() + 60_000);
    expect(await store.unendedParts('.daypass-staging/', soon)).toEqual([key]);
    const before = new Date(Date.now() - 60_000);
    expect(await store.unendedParts('.daypass-staging/', before)).toEqual([]);
    await store.abortParts(key);
    expect(await store.unendedParts('.daypass-staging/', soon)).toEqual([]);
  });

  it('is taken back from the storage when what it came from is revoked', async () => {
    const { client, parts, objectId, tokenId } = await open(40 * MB);
    const [first, second] = parts;
    if (!first || !second) throw new Error('a file of two parts at least');
    expect(await put(first)).toBe(200);
    const key = newKey();
    const signedIn = await client.call('/exchange', {
      body: { app_id: 'daypass-cli', resource: `${rig.url}/admin`, actions: ['admin'] },
      token: await rig.signIn('sam', 'daypass'),
      key,
      bound: false,
    });
    const receipt = await client.call('/admin/v1/revocations', {
      body: { target: { token_id: tokenId }, reason: 'a test' },
      token: String(signedIn.body.access_token),
      key,
    });
    expect(receipt.body.residual).toMatchObject([{ kind: 'presigned_put', count: parts.length }]);
    await eventually(
      () => put(second),
      (status) => status === 404,
    );
    const expired = () =>
      rig.ask<{ status: string }>('SELECT status FROM stored_object WHERE object_id = $1', [
        objectId,
      ]);
    await eventually(expired, ([row]) => row?.status === 'expired');
  }, 60_000);

  it('is not for parts it does not have, nor for an upload of one PUT, nor for a stranger', async () => {
    const { call, objectId, requestUpload } = await open(40 * MB);
    const unknown = await call(`/uploads/${objectId}/parts`, { partNumbers: [4] });
    expect(unknown.body).toMatchObject({ violations: [{ rule: 'unknown_part' }] });
    const whole = (await requestUpload()).body;
    const none = await call(`/uploads/${String(whole.objectId)}/parts`, {});
    expect([none.status, none.body.violations]).toMatchObject([409, [{ rule: 'not_under_way' }]]);
    const stranger = await startStory(rig);
    const theirs = await stranger.client.call(`/uploads/${objectId}/parts`, {
      body: {},
      token: stranger.token,
      key: newKey(),
    });
    expect(theirs.status).toBe(401);
  }, 60_000);
});
