import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { createPresignedPost } from '@aws-sdk/s3-presigned-post';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { createS3Store, type S3Store } from '../../../src/storage/s3/s3-store.ts';
import { createSignerV4, type S3Credentials } from '../../../src/storage/s3/signature-v4.ts';

const now = new Date('2026-11-22T03:04:05.678Z');

const secret = fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 40 });
const credentials: fc.Arbitrary<S3Credentials> = fc.record(
  {
    accessKeyId: fc.stringMatching(/^[A-Z0-9]{16,20}$/),
    secretAccessKey: secret,
    sessionToken: fc.stringMatching(/^[A-Za-z0-9+/=]{20,200}$/),
  },
  { requiredKeys: ['accessKeyId', 'secretAccessKey'] },
);

/** Segments of anything, with the characters that signers get wrong as often as all others together. */
const segment = fc
  .string({
    unit: fc.oneof(
      fc.constantFrom(...` +!'()*~%&=?#:;,@$"<>[]^|{}äéñ漢😀`),
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 }),
    ),
    minLength: 1,
    maxLength: 20,
  })
  .map((text) => text.normalize('NFC'))
  .filter(
    (text) =>
      // biome-ignore lint/suspicious/noControlCharactersInRegex: keys have none
      !/[\u0000-\u001f\u007f-\u009f\\/]/.test(text) &&
      text.isWellFormed() &&
      !/^\.{1,2}$/.test(text),
  );
const key = fc
  .array(segment, { minLength: 1, maxLength: 5 })
  .map((segments) => segments.join('/'))
  .filter((text) => Buffer.byteLength(text) <= 1024 && text === text.normalize('NFC'));

const place = fc.constantFrom(
  { bucket: 'acme-project-123', region: 'eu-west-1' },
  { bucket: 'abc', region: 'us-east-1' },
  { bucket: 'abc', region: 'us-gov-west-1' },
  { bucket: 'abc', region: 'cn-north-1' },
  { bucket: 'abc', region: 'ap-southeast-2' },
  { bucket: 'acme', region: 'auto', endpoint: 'https://s3.example' },
  { bucket: 'acme', region: 'us-east-1', endpoint: 'http://127.0.0.1:7480' },
  { bucket: 'acme', region: 'default', endpoint: 'http://localhost:7480/' },
);
const moment = fc.date({
  min: new Date('2000-01-01'),
  max: new Date('2099-12-31'),
  noInvalidDate: true,
});
const expiresIn = fc.integer({ min: 1, max: 900 });
const contentType = fc.constantFrom(
  'image/png',
  'text/csv; charset=utf-8',
  'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
);
const hex = fc.stringMatching(/^[0-9a-f]{64}$/);

type Place = { bucket: string; region: string; endpoint?: string };

const both = (place: Place, credentials: S3Credentials): { ours: S3Store; theirs: S3Client } => ({
  ours: createS3Store({ ...place, credentials: () => credentials }),
  theirs: new S3Client({
    region: place.region,
    ...(place.endpoint && { endpoint: place.endpoint, forcePathStyle: true }),
    credentials,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  }),
});

const NO_COPY = ['x-amz-copy-if-match', 'x-amz-copy-source-if-match'];

/** What is signed for servers other than AWS, where the SDK knows nothing of it. */
const asToOthers = ({ middlewareStack }: PutObjectCommand): void =>
  middlewareStack.add(
    (next) => (args) => {
      const { headers } = args.request as { headers: Record<string, string> };
      for (const name of NO_COPY) headers[name] = '"none"';
      headers['x-amz-acl'] = 'private';
      return next(args);
    },
    { step: 'build', name: 'asToOthers' },
  );

describe('S3 presigning', () => {
  it('reproduces the presigned GET of the AWS documentation', () => {
    // Amazon S3 API reference, "Authenticating Requests: Using Query Parameters".
    const url = createSignerV4('us-east-1').presign(
      {
        method: 'GET',
        origin: 'https://examplebucket.s3.amazonaws.com',
        path: '/test.txt',
        query: '',
        headers: [['host', 'examplebucket.s3.amazonaws.com']],
        expiresIn: 86_400,
        saysUnsigned: false,
      },
      {
        accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
        secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
      },
      new Date('2013-05-24T00:00:00Z'),
    );
    expect(new URL(url).searchParams.get('X-Amz-Signature')).toBe(
      'aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404',
    );
  });

  it('signs a PUT byte for byte as the SDK does', async () => {
    await fc.assert(
      fc.asyncProperty(
        place,
        credentials,
        moment,
        fc.record({ key, contentType, expiresIn, size: fc.integer({ min: 0, max: 5 * 2 ** 30 }) }),
        fc.option(hex, { nil: undefined }),
        async (place, credentials, now, grant, sha256) => {
          const { ours, theirs } = both(place, credentials);
          const command = new PutObjectCommand({
            Bucket: place.bucket,
            Key: grant.key,
            ContentType: grant.contentType,
            ContentLength: grant.size,
            IfNoneMatch: '*',
            ...(sha256 && { ChecksumSHA256: Buffer.from(sha256, 'hex').toString('base64') }),
          });
          if (place.endpoint !== undefined) asToOthers(command);
          const url = await getSignedUrl(theirs, command, {
            expiresIn: grant.expiresIn,
            signingDate: now,
            signableHeaders: new Set([
              ...NO_COPY,
              'x-amz-acl',
              'host',
              'content-type',
              'content-length',
              'if-none-match',
              'x-amz-checksum-sha256',
            ]),
            unhoistableHeaders: new Set(['x-amz-checksum-sha256', 'x-amz-acl', ...NO_COPY]),
          });
          const upload = ours.presignPut({ ...grant, ...(sha256 && { sha256 }) }, now);
          expect(upload.url).toBe(url);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('signs a GET byte for byte as the SDK does', async () => {
    await fc.assert(
      fc.asyncProperty(
        place,
        credentials,
        moment,
        fc.record(
          {
            key,
            expiresIn,
            fileName: fc.stringMatching(/^[A-Za-z0-9_-]{1,64}\.[a-z]{3}$/),
            contentType,
            immutable: fc.stringMatching(/^[A-Za-z0-9._/+-]{1,64}$/),
          },
          { requiredKeys: ['key', 'expiresIn', 'fileName'] },
        ),
        async (place, credentials, now, grant) => {
          const { ours, theirs } = both(place, credentials);
          const command = new GetObjectCommand({
            Bucket: place.bucket,
            Key: grant.key,
            ResponseCacheControl: 'no-store',
            ResponseContentDisposition: `attachment; filename="${grant.fileName}"`,
            ...(grant.contentType && { ResponseContentType: grant.contentType }),
            ...(grant.immutable && { VersionId: grant.immutable }),
          });
          const url = await getSignedUrl(theirs, command, {
            expiresIn: grant.expiresIn,
            signingDate: now,
          });
          expect(ours.presignGet(grant, now).url).toBe(url);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('signs a form field for field as the SDK does', async () => {
    jest.useFakeTimers({
      now,
      doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate', 'setTimeout'],
    });
    try {
      await fc.assert(
        fc.asyncProperty(
          place,
          credentials,
          fc.record({ key, contentType, expiresIn }),
          fc.tuple(fc.nat(1000), fc.nat(1_000_000)),
          async (place, credentials, grant, [minSize, more]) => {
            fc.pre(!grant.key.includes('${'));
            const maxSize = minSize + more;
            const { ours, theirs } = both(place, credentials);
            const { url, fields } = await createPresignedPost(theirs, {
              Bucket: place.bucket,
              Key: grant.key,
              Expires: grant.expiresIn,
              Conditions: [['content-length-range', minSize, maxSize]],
              Fields: { 'Content-Type': grant.contentType },
            });
            const form = ours.presignPost({ ...grant, minSize, maxSize }, now);
            expect([form.url, form.fields]).toEqual([url, fields]);
          },
        ),
        { numRuns: 200 },
      );
    } finally {
      jest.useRealTimers();
    }
  });

  it('derives a new key when the day, or the secret, changes', () => {
    const signer = createSignerV4('eu-west-1');
    const first = { accessKeyId: 'A', secretAccessKey: 'one' };
    const second = { accessKeyId: 'A', secretAccessKey: 'two' };
    const tomorrow = new Date(now.getTime() + 86_400_000);
    const signatures = [
      signer.stamp(first, now).sign('text'),
      signer.stamp(second, now).sign('text'),
      signer.stamp(first, tomorrow).sign('text'),
    ];
    expect(new Set(signatures).size).toBe(3);
    expect(signer.stamp(first, now).sign('text')).toBe(signatures[0]);
  });
});
