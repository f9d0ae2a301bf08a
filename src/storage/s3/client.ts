import type { S3Client } from '@aws-sdk/client-s3';
import { OAuthError, unavailable } from '../../protocol/oauth-error.ts';
import { ObjectNotFound } from '../object-store.ts';
import type { Encryption } from './encryption.ts';
import type { CredentialSource } from './held-credentials.ts';
import type { Location } from './location.ts';

export interface ControlOptions {
  readonly location: Location;
  readonly bucket: string;
  readonly region: string;
  readonly credentials: CredentialSource;
  readonly encryption?: Encryption;
  /** Bytes that one request copies at most: 5 GiB, but for tests. */
  readonly largestCopy?: number;
}

type Sdk = typeof import('@aws-sdk/client-s3');

/** Runs one call of the SDK, and reads its errors as the port's. */
export type Call = <Answer>(
  operation: string,
  key: string,
  run: (client: S3Client, sdk: Sdk) => Promise<Answer>,
) => Promise<Answer>;

/** One retry for a lost connection; then the caller is told, and may try again itself. */
const ATTEMPTS = 2;
const CONNECT_MS = 2_000;
/** Silence on the socket; a large copy is kept alive by the server. */
const IDLE_MS = 30_000;
/** Seconds that a session must last to make one call. */
const CALL_SECONDS = 60;

/**
 * No such object, upload or part, or no longer that version of it. A missing bucket is an outage, not a missing
 * object.
 */
const GONE = new Set([
  'NotFound',
  'NoSuchKey',
  'PreconditionFailed',
  'NoSuchUpload',
  'InvalidPart',
]);

/** Our reading of a storage error. Its name is enough for the log: messages may quote the request. */
const read = (operation: string, key: string, error: unknown): Error => {
  if (error instanceof OAuthError || error instanceof ObjectNotFound) return error;
  const { name = 'unknown' } = error as { name?: string };
  if (GONE.has(name)) return new ObjectNotFound(key);
  if (name === 'InvalidRange') return new RangeError('the range starts past the object');
  return unavailable(`storage ${operation} failed: ${name}`, error);
};

/** Turns "not there" into an answer. */
export const orUndefined = async <T>(operation: Promise<T>): Promise<T | undefined> => {
  try {
    return await operation;
  } catch (error) {
    if (error instanceof ObjectNotFound) return undefined;
    throw error;
  }
};

/** The calls that are not on the minting path: the SDK makes them, and is loaded by the first. */
export const createCall = (options: ControlOptions): Call => {
  const { location } = options;
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
        const { accessKeyId, secretAccessKey, sessionToken } =
          await options.credentials(CALL_SECONDS);
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

  return async (operation, key, run) => {
    loaded ??= load();
    const { client, sdk } = await loaded;
    try {
      return await run(client, sdk);
    } catch (error) {
      throw read(operation, key, error);
    }
  };
};
