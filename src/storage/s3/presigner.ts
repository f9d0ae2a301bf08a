import { Buffer } from 'node:buffer';
import { unavailable } from '../../protocol/oauth-error.ts';
import { attachment, mustBeGetGrant, mustBePostGrant, mustBePutGrant } from '../grant.ts';
import type {
  Constraint,
  EnforceableGrant,
  Enforcement,
  GetGrant,
  PostGrant,
  PresignedDownload,
  PresignedUpload,
  PutGrant,
} from '../object-store.ts';
import { encode } from '../percent.ts';
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
  enforcement(grant: EnforceableGrant): Enforcement[];
  presignPut(grant: PutGrant, now: Date): PresignedUpload;
  presignGet(grant: GetGrant, now: Date): PresignedDownload;
  /** A form, for a size that is known as a range only. */
  presignPost(grant: PostGrant, now: Date): PresignedUpload;
}

type Pair = readonly [string, string];

const by = (storage: boolean, constraint: Constraint): Enforcement => ({
  constraint,
  by: storage ? 'storage' : 'broker',
});

/**
 * What the signature itself pins is refused by any server that verifies SigV4. A checksum and a
 * precondition must besides be acted on, which we claim of AWS only: elsewhere the broker's own check of
 * what arrived is the one that counts.
 */
const putEnforcement = (isAws: boolean, { sha256 }: EnforceableGrant): Enforcement[] => [
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
 * What the client has to send besides its length. Headers rather than query parameters: a checksum hoisted
 * into the query, as the SDK does by itself, is signed but not reliably checked.
 */
const sentHeaders = ({ contentType, sha256 }: PutGrant): [Pair, ...Pair[]] => [
  ['content-type', contentType],
  ['if-none-match', '*'],
  ...(sha256 === undefined
    ? []
    : [['x-amz-checksum-sha256', Buffer.from(sha256, 'hex').toString('base64')] as const]),
];

/** How S3 has to answer: to be saved, not rendered, and not to be kept by caches. */
const responseQuery = ({ fileName, contentType }: GetGrant): string => {
  const type = contentType === undefined ? '' : `&response-content-type=${encode(contentType)}`;
  return `&response-cache-control=no-store&response-content-disposition=${encode(attachment(fileName))}${type}&x-id=GetObject`;
};

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
    enforcement: (grant) => putEnforcement(isAws, grant),

    presignPut: (grant, now) => {
      mustBePutGrant(grant);
      const { key, size, expiresIn } = grant;
      const [type, ...others] = sentHeaders(grant);
      const request = {
        method: 'PUT',
        origin,
        path: path(key),
        query: '&x-id=PutObject',
        // The length is signed, though the client is not told to send it: its HTTP stack does, and a
        // chunked body, having none, is refused.
        headers: [['content-length', String(size)], type, ['host', host], ...others],
        expiresIn,
        saysUnsigned: true,
      } as const;
      return {
        url: signer.presign(request, credentialsFor(expiresIn, now), now),
        method: 'PUT',
        headers: Object.fromEntries([type, ...others]),
        enforcement: putEnforcement(isAws, grant),
      };
    },

    presignGet: (grant, now) => {
      mustBeGetGrant(grant);
      const request = {
        method: 'GET',
        origin,
        path: path(grant.key),
        query: responseQuery(grant),
        headers: [['host', host]],
        expiresIn: grant.expiresIn,
        saysUnsigned: true,
      } as const;
      return { url: signer.presign(request, credentialsFor(grant.expiresIn, now), now) };
    },

    presignPost: (grant, now) => {
      mustBePostGrant(grant);
      const credentials = credentialsFor(grant.expiresIn, now);
      return {
        url: location.formUrl,
        method: 'POST',
        headers: {},
        fields: postFields(grant, bucket, credentials, signer.stamp(credentials, now), now),
        enforcement: POST_ENFORCEMENT,
      };
    },
  };
};
