import { randomUUID } from 'node:crypto';
import { request } from 'node:http';
import { PutObjectAclCommand, S3Client } from '@aws-sdk/client-s3';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { createS3Store, type S3Store } from '../../src/storage/s3/s3-store.ts';
import { CEPH_CREDENTIALS, placeOnCeph } from './gateway.ts';

/** What an uploader adds, unsigned, to have the world read what nobody has inspected yet. */
const EVERYBODY = 'uri="http://acs.amazonaws.com/groups/global/AllUsers"';
const OPENING = [
  { 'x-amz-acl': 'public-read' },
  { 'x-amz-acl': ['private', 'public-read'] },
  { 'x-amz-acl': 'public-read-write' },
  { 'x-amz-grant-read': EVERYBODY },
  { 'x-amz-grant-full-control': EVERYBODY },
];

type Headers = Readonly<Record<string, string | string[]>>;

const put = (url: string, headers: Headers, body: string) =>
  new Promise<number | undefined>((resolve, reject) => {
    const length = { 'content-length': String(body.length) };
    const outgoing = request(url, { method: 'PUT', headers: { ...headers, ...length } }, (answer) =>
      answer.resume().on('end', () => resolve(answer.statusCode)),
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });

describe('an object in staging that somebody with a hand in the bucket has opened to the world', () => {
  it.each([
    ['in one step', undefined],
    ['in parts', 5 * 1024 ** 2],
  ])('is closed again on its way to where readers look, copied %s', async (_, largestCopy) => {
    const place = await placeOnCeph();
    const store = createS3Store({
      ...place,
      credentials: () => CEPH_CREDENTIALS,
      ...(largestCopy && { largestCopy }),
    });
    const admin = new S3Client({ ...place, forcePathStyle: true, credentials: CEPH_CREDENTIALS });
    const stranger = async (key: string) =>
      (await fetch(`${place.endpoint}/${place.bucket}/${key}`)).status;
    const [key, final] = ['staging/a.txt', 'final/a.txt'];
    const uploadId = await store.beginParts({ key, contentType: 'text/plain' });
    const body = 'a'.repeat(6 * 1024 ** 2);
    const part = { key, uploadId, partNumber: 1, size: body.length, expiresIn: 60 };
    const { url, headers } = store.presignPart(part, new Date());
    expect(await put(url, headers, body)).toBe(200);
    await store.completeParts(key, uploadId, (await store.listParts(key, uploadId)) ?? []);
    await admin.send(
      new PutObjectAclCommand({ Bucket: place.bucket, Key: key, ACL: 'public-read-write' }),
    );
    expect(await stranger(key)).toBe(200);
    await store.copy(key, final, (await store.head(key))?.version ?? '', 'text/plain');
    expect(await stranger(final)).toBe(403);
    admin.destroy();
  });
});

describe('an upload to a gateway that obeys what nobody signed', () => {
  let store: S3Store;
  let stranger: (key: string) => Promise<number>;
  beforeAll(async () => {
    const place = await placeOnCeph();
    store = createS3Store({ ...place, credentials: () => CEPH_CREDENTIALS });
    stranger = async (key) => (await fetch(`${place.endpoint}/${place.bucket}/${key}`)).status;
  });

  it.each(OPENING)('is not opened to the world by %j', async (opening) => {
    const key = `staging/${randomUUID()}/a.txt`;
    const grant = { key, size: 5, contentType: 'text/plain', expiresIn: 60 };
    const { url, headers } = store.presignPut(grant, new Date());
    await put(url, { ...headers, ...(opening as Headers) }, 'hello');
    expect(await stranger(key)).not.toBe(200);
    // It is not for want of an upload.
    expect(await put(url, headers, 'hello')).toBe(200);
    expect(await stranger(key)).toBe(403);
  });

  it.each(OPENING)('nor are its parts, by %j', async (opening) => {
    const key = `staging/${randomUUID()}/a.txt`;
    const uploadId = await store.beginParts({ key, contentType: 'text/plain' });
    const part = { key, uploadId, partNumber: 1, size: 5, expiresIn: 60 };
    const { url, headers } = store.presignPart(part, new Date());
    await put(url, { ...headers, ...(opening as Headers) }, 'hello');
    expect(await put(url, headers, 'hello')).toBe(200);
    await store.completeParts(key, uploadId, (await store.listParts(key, uploadId)) ?? []);
    expect(await stranger(key)).toBe(403);
    const { version } = (await store.head(key)) ?? { version: '' };
    await store.copy(key, `final/${key}`, version, 'text/plain');
    expect(await stranger(`final/${key}`)).toBe(403);
  });
});
