import { Readable } from 'node:stream';
import type { S3Client } from '@aws-sdk/client-s3';
import { OAuthError, unavailable } from '../../protocol/oauth-error.ts';
import { mustBeKey, mustBeMediaType } from '../grant.ts';
import { ObjectNotFound, type ObjectStore } from '../object-store.ts';
import { encodeKey } from '../percent.ts';
import type { Location } from './location.ts';
import type { S3Credentials } from './signature-v4.ts';

export interface ControlOptions {
  readonly location: Location;
  readonly bucket: string;
  readonly region: string;
  readonly credentials: () => S3Credentials;
}

type Sdk = typeof import('@aws-sdk/client-s3');
type ObjectControl = Pick<ObjectStore, 'head' | 'open' | 'copy' | 'delete'>;

/** One retry for a lost connection; then the caller is told, and may try again itself. */
const ATTEMPTS = 2;
const CONNECT_MS = 2_000;
/** Silence on the socket; a large copy is kept alive by the server. */
const IDLE_MS = 30_000;

/** No such object, or no longer that version of it. A missing bucket is an outage, not a missing object. */
const GONE = new Set(['NotFound', 'NoSuchKey', 'PreconditionFailed']);

/** Our reading of a storage error. Its name is enough for the log: messages may quote the request. */
const read = (operation: string, key: string, error: unknown): Error => {
  if (error instanceof OAuthError) return error;
  const { name = 'unknown' } = error as { name?: string };
  if (GONE.has(name)) return new ObjectNotFound(key);
  if (name === 'InvalidRange') return new RangeError('the range starts past the object');
  return unavailable(`storage ${operation} failed: ${name}`, error);
};

/** Turns "not there" into an answer. */
const orUndefined = async <T>(operation: Promise<T>): Promise<T | undefined> => {
  try {
    return await operation;
  } catch (error) {
    if (error instanceof ObjectNotFound) return undefined;
    throw error;
  }
};

/** The calls that are not on the minting path, so the SDK makes them, and is loaded by the first. */
export const createObjectControl = (options: ControlOptions): ObjectControl => {
  const { bucket: Bucket, location } = options;
  let loaded: Promise<{ sdk: Sdk; client: S3Client }> | undefined;

  const load = async (): Promise<{ sdk: Sdk; client: S3Client }> => {
    const sdk = await import('@aws-sdk/client-s3');
    const client = new sdk.S3Client({
      region: options.region,
      // Always said, so that neither AWS_ENDPOINT_URL nor a profile can send our calls elsewhere.
      endpoint: location.endpoint,
      forcePathStyle: location.pathStyle,
      followRegionRedirects: false,
      credentials: async () => {
        const { accessKeyId, secretAccessKey, sessionToken } = options.credentials();
        // Already expired, so that the SDK asks again each time and never signs with what we replaced.
        return {
          accessKeyId,
          secretAccessKey,
          ...(sessionToken === undefined ? {} : { sessionToken }),
          expiration: new Date(0),
        };
      },
      // Default checksums are refused by several S3-compatible servers.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      maxAttempts: ATTEMPTS,
      requestHandler: { connectionTimeout: CONNECT_MS, socketTimeout: IDLE_MS },
    });
    return { sdk, client };
  };

  const call = async <T>(
    operation: string,
    key: string,
    run: (client: S3Client, sdk: Sdk) => Promise<T>,
  ): Promise<T> => {
    loaded ??= load();
    const { client, sdk } = await loaded;
    try {
      return await run(client, sdk);
    } catch (error) {
      throw read(operation, key, error);
    }
  };

  const head: ObjectStore['head'] = async (key) => {
    mustBeKey(key);
    return orUndefined(
      call('head', key, async (client, { HeadObjectCommand }) => {
        const answer = await client.send(new HeadObjectCommand({ Bucket, Key: key }));
        const { ContentLength: size, ETag: version, ContentType } = answer;
        if (size === undefined || version === undefined) throw new TypeError('bare answer');
        return { size, version, contentType: ContentType ?? 'application/octet-stream' };
      }),
    );
  };

  /**
   * AWS refuses a copy of another version by itself. Ceph 16 looks for that header under another name, and
   * others ignore it, so of them we ask which version is there.
   */
  const mustStillBe = async (version: string, key: string): Promise<void> => {
    if (location.isAws) return;
    if ((await head(key))?.version !== version) throw new ObjectNotFound(key);
  };

  return {
    head,

    open: async (key, range) => {
      mustBeKey(key);
      const Range = range && { Range: `bytes=${range.start}-${range.end}` };
      return call('open', key, async (client, { GetObjectCommand }) => {
        const answer = await client.send(new GetObjectCommand({ Bucket, Key: key, ...Range }));
        const { Body: body, ContentLength: size } = answer;
        if (!(body instanceof Readable) || size === undefined) throw new TypeError('bare answer');
        return { body, size };
      });
    },

    copy: async (from, to, version, contentType) => {
      mustBeKey(from);
      mustBeKey(to);
      mustBeMediaType(contentType);
      await mustStillBe(version, from);
      const copied = await call('copy', from, (client, { CopyObjectCommand }) =>
        client.send(
          new CopyObjectCommand({
            Bucket,
            Key: to,
            CopySource: `${Bucket}/${encodeKey(from)}`,
            CopySourceIfMatch: version,
            // Nothing the uploader said about the object comes along.
            MetadataDirective: 'REPLACE',
            TaggingDirective: 'REPLACE',
            ContentType: contentType,
            ContentDisposition: 'attachment',
          }),
        ),
      );
      // Replaced between our look and the copy? What was copied has the same name where it has the same bytes.
      if (copied.CopyObjectResult?.ETag !== version) await mustStillBe(version, from);
    },

    delete: async (key) => {
      mustBeKey(key);
      await orUndefined(
        call('delete', key, (client, { DeleteObjectCommand }) =>
          client.send(new DeleteObjectCommand({ Bucket, Key: key })),
        ),
      );
    },
  };
};
