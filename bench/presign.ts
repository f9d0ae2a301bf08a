import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { createLocalStore } from '../src/storage/local/local-store.ts';
import { createS3Store } from '../src/storage/s3/s3-store.ts';
import { azurePresigns, gcsPresigns, type NamedPresign, type Presign } from './cloud-presigns.ts';
import { median } from './statistics.ts';

export interface PresignResult {
  readonly title: string;
  /** URLs for each second of CPU, which is one core's worth. */
  readonly perCore: number;
  /** The title of what the SDK of the same cloud takes. */
  readonly beside: string | undefined;
}

const PLACE = { bucket: 'acme-project-123', region: 'eu-west-1' };
const CREDENTIALS = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'x'.repeat(40) };
const EXPIRES_IN = 300;
const SHA256 = '9f'.repeat(32);

const SDK = {
  s3Put: 'aws-sdk getSignedUrl PUT',
  s3Get: 'aws-sdk getSignedUrl GET',
};

/** What issues one URL for one object: ours, and what the SDK offers for the same. */
const createPresigns = (): readonly NamedPresign[] => {
  const s3 = createS3Store({ ...PLACE, credentials: () => CREDENTIALS });
  const local = createLocalStore({
    root: '/nonexistent',
    bucket: 'bench',
    baseUrl: 'http://127.0.0.1:8082/local',
    secret: Buffer.alloc(32, 7),
  });
  const sdk = new S3Client({
    region: PLACE.region,
    credentials: CREDENTIALS,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  });
  const grant = (key: string) => ({
    key,
    size: 482_113,
    contentType: 'image/png',
    sha256: SHA256,
    expiresIn: EXPIRES_IN,
  });
  const ask = (key: string) => ({ key, expiresIn: EXPIRES_IN, fileName: 'menu.png' });
  return [
    ['s3 PUT', (key, now) => s3.presignPut(grant(key), now), SDK.s3Put],
    ['s3 GET', (key, now) => s3.presignGet(ask(key), now), SDK.s3Get],
    ...azurePresigns({ put: grant, get: ask }),
    ...gcsPresigns({ put: grant, get: ask }),
    ['local PUT', (key, now) => local.presignPut(grant(key), now)],
    ['local GET', (key, now) => local.presignGet(ask(key), now)],
    [
      SDK.s3Put,
      (key, now) =>
        getSignedUrl(
          sdk,
          new PutObjectCommand({
            Bucket: PLACE.bucket,
            Key: key,
            ContentType: 'image/png',
            ContentLength: 482_113,
            IfNoneMatch: '*',
            ChecksumSHA256: Buffer.from(SHA256, 'hex').toString('base64'),
          }),
          {
            expiresIn: EXPIRES_IN,
            signingDate: now,
            signableHeaders: new Set(['content-type', 'content-length', 'if-none-match']),
            unhoistableHeaders: new Set(['x-amz-checksum-sha256']),
          },
        ),
    ],
    [
      SDK.s3Get,
      (key, now) =>
        getSignedUrl(
          sdk,
          new GetObjectCommand({
            Bucket: PLACE.bucket,
            Key: key,
            ResponseContentDisposition: 'attachment; filename="menu.png"',
            ResponseCacheControl: 'no-store',
          }),
          { expiresIn: EXPIRES_IN, signingDate: now },
        ),
    ],
  ];
};

/** Distinct keys, as objects have. */
const keyOf = (index: number): string => `staging/bench/u_01jz3q9k/${index}/menu.png`;

/** URLs for each CPU second over about `milliseconds`. */
const timed = async (presign: Presign, milliseconds: number): Promise<number> => {
  const until = performance.now() + milliseconds;
  const before = process.cpuUsage();
  let made = 0;
  while (performance.now() < until) {
    const now = new Date();
    for (let index = 0; index < 50; index += 1, made += 1) {
      const url = presign(keyOf(made), now);
      if (url instanceof Promise) await url;
    }
  }
  const { user, system } = process.cpuUsage(before);
  return made / ((user + system) / 1e6);
};

/** Interleaved rounds, the first of them to warm up. */
export const measurePresigns = async (
  rounds: number,
  milliseconds: number,
): Promise<PresignResult[]> => {
  const presigns = createPresigns();
  const found = presigns.map((): number[] => []);
  for (let round = 0; round <= rounds; round += 1) {
    for (const [index, [, presign]] of presigns.entries()) {
      const perCore = await timed(presign, milliseconds);
      if (round > 0) found[index]?.push(perCore);
    }
  }
  return presigns.map(([title, , beside], index) => ({
    title,
    perCore: median(found[index] ?? []),
    beside,
  }));
};
