import { Buffer } from 'node:buffer';
import { unavailable } from '../../protocol/oauth-error.ts';
import { attachment, mustBeGetGrant, mustBePostGrant, mustBePutGrant } from '../grant.ts';
import type {
  Constraint,
  Enforcement,
  GetGrant,
  PostGrant,
  PresignedDownload,
  PresignedUpload,
  PutGrant,
} from '../object-store.ts';
import type { Location } from './location.ts';
import { postFields } from './post-policy.ts';
import { createSignerV4, type S3Credentials } from './signature-v4.ts';

export interface PresignerOptions {
  readonly location: Location;
  readonly bucket: string;
  readonly region: string;
  readonly credentials: () => S3Credentials;
}

export interface Presigner {
  presignPut(grant: PutGrant, now: Date): PresignedUpload;
  presignGet(grant: GetGrant, now: Date): PresignedDownload;
  presignPost(grant: PostGrant, now: Date): PresignedUpload;
}

type Pair = readonly [string, string];

/** As the SDK says it: the payload's hash is not part of the signature. */
const UNSIGNED_PAYLOAD: Pair = ['X-Amz-Content-Sha256', 'UNSIGNED-PAYLOAD'];

const by = (storage: boolean, constraint: Constraint): Enforcement => ({
  constraint,
  by: storage ? 'storage' : 'broker',
});

/**
 * What the signature itself pins is refused by any server that verifies SigV4. A checksum and a
 * precondition must besides be acted on, which we claim of AWS only: elsewhere the broker's own check of
 * what arrived is the one that counts.
 */
const putEnforcement = (isAws: boolean, { sha256 }: PutGrant): Enforcement[] => [
  by(true, 'size'),
  by(true, 'content_type'),
  ...(sha256 === undefined ? [] : [by(isAws, 'sha256')]),
  by(true, 'single_object'),
  by(isAws, 'no_overwrite'),
  by(true, 'expiry'),
];

/** A form has no precondition: only the broker, which pins a version, stands against an overwrite. */
const POST_ENFORCEMENT: readonly Enforcement[] = [
  by(true, 'size'),
  by(true, 'content_type'),
  by(true, 'single_object'),
  by(false, 'no_overwrite'),
  by(true, 'expiry'),
];

/**
 * Headers rather than query parameters: a checksum hoisted into the query, as the SDK does by itself, is
 * signed but not reliably checked.
 */
const sentHeaders = ({ contentType, sha256 }: PutGrant): Pair[] => [
  ['content-type', contentType],
  ['if-none-match', '*'],
  ...(sha256 === undefined
    ? []
    : [['x-amz-checksum-sha256', Buffer.from(sha256, 'hex').toString('base64')] as const]),
];

export const createPresigner = (options: PresignerOptions): Presigner => {
  const { bucket, location } = options;
  const { origin, host, path, isAws } = location;
  const signer = createSignerV4(options.region);

  /** A URL dies with the session that signed it: one that ends sooner would break our word. */
  const credentialsFor = (expiresIn: number, now: Date): S3Credentials => {
    const credentials = options.credentials();
    const end = now.getTime() + expiresIn * 1000;
    if (credentials.expiresAt !== undefined && credentials.expiresAt.getTime() < end)
      throw unavailable('the storage session ends before the URL would');
    return credentials;
  };

  return {
    presignPut: (grant, now) => {
      mustBePutGrant(grant);
      const { key, size, expiresIn } = grant;
      const headers = sentHeaders(grant);
      const request = {
        method: 'PUT',
        origin,
        host,
        path: path(key),
        query: [UNSIGNED_PAYLOAD, ['x-id', 'PutObject']],
        // Signed, though the client is not told to send it: its HTTP stack does, and with it no chunked body.
        headers: [['content-length', String(size)], ...headers],
        expiresIn,
      } as const;
      return {
        url: signer.presign(request, credentialsFor(expiresIn, now), now),
        method: 'PUT',
        headers: Object.fromEntries(headers),
        enforcement: putEnforcement(isAws, grant),
      };
    },

    presignGet: (grant, now) => {
      mustBeGetGrant(grant);
      const { key, fileName, contentType, expiresIn } = grant;
      const request = {
        method: 'GET',
        origin,
        host,
        path: path(key),
        query: [
          UNSIGNED_PAYLOAD,
          ['response-cache-control', 'no-store'],
          ['response-content-disposition', attachment(fileName)],
          ...(contentType === undefined ? [] : [['response-content-type', contentType] as const]),
          ['x-id', 'GetObject'],
        ],
        headers: [],
        expiresIn,
      } as const;
      return { url: signer.presign(request, credentialsFor(expiresIn, now), now) };
    },

    presignPost: (grant, now) => {
      mustBePostGrant(grant);
      const credentials = credentialsFor(grant.expiresIn, now);
      return {
        url: location.formUrl,
        method: 'POST',
        headers: {},
        fields: postFields(grant, bucket, signer, credentials, now),
        enforcement: POST_ENFORCEMENT,
      };
    },
  };
};
