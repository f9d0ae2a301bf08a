import { Buffer } from 'node:buffer';
import { unavailable } from '../../protocol/oauth-error.ts';
import {
  attachment,
  mustBeGetGrant,
  mustBePartGrant,
  mustBePostGrant,
  mustBePutGrant,
} from '../grant.ts';
import type { PartGrant, PresignedPart } from '../multipart.ts';
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
import { type Encryption, encryptionHeaders, type Pair } from './encryption.ts';
import type { Location } from './location.ts';
import { postFields } from './post-policy.ts';
import { createSignerV4, type S3Credentials } from './signature-v4.ts';

export interface PresignerOptions {
  readonly location: Location;
  readonly bucket: string;
  readonly region: string;
  readonly encryption?: Encryption;
}

/** Each is signed with the credentials it is given, which must last as long as what is signed. */
export interface Presigner {
  enforcement(grant: EnforceableGrant): Enforcement[];
  presignPut(grant: PutGrant, credentials: S3Credentials, now: Date): PresignedUpload;
  presignGet(grant: GetGrant, credentials: S3Credentials, now: Date): PresignedDownload;
  /** A form, for a size that is known as a range only. */
  presignPost(grant: PostGrant, credentials: S3Credentials, now: Date): PresignedUpload;
  presignPart(grant: PartGrant, credentials: S3Credentials, now: Date): PresignedPart;
}

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
 * Servers other than AWS may act on an `x-amz-copy-source` that nobody signed, and so copy what the client may not
 * read into what it may write. No version has this name, and the conditions are signed: any such copy comes to nothing
 * (Ceph looks for the first name where AWS documents the second).
 */
const NO_COPY: readonly Pair[] = [
  ['x-amz-copy-if-match', '"none"'],
  ['x-amz-copy-source-if-match', '"none"'],
];

/**
 * Nor may it open what it uploads to everybody. Beside this no server takes `x-amz-grant-*`, which say the same in
 * other words. Of a part nothing is obeyed: whose object it becomes was said when the upload was begun.
 */
const CLOSED: Pair = ['x-amz-acl', 'private'];

/**
 * What the client has to send besides its length. Headers rather than query parameters: a checksum hoisted
 * into the query, as the SDK does by itself, is signed but not reliably checked.
 */
const sentHeaders = (
  { contentType, sha256 }: PutGrant,
  besides: readonly Pair[],
): [Pair, ...Pair[]] => [
  ['content-type', contentType],
  ['if-none-match', '*'],
  ...(sha256 === undefined
    ? []
    : [['x-amz-checksum-sha256', Buffer.from(sha256, 'hex').toString('base64')] as const]),
  ...besides,
];

/** How S3 has to answer: to be saved, not rendered, and not to be kept by caches. */
const responseQuery = ({ fileName, contentType, immutable }: GetGrant): string => {
  const type = contentType === undefined ? '' : `&response-content-type=${encode(contentType)}`;
  const version = immutable === undefined ? '' : `&versionId=${encode(immutable)}`;
  return `&response-cache-control=no-store&response-content-disposition=${encode(attachment(fileName))}${type}${version}&x-id=GetObject`;
};

export const createPresigner = (options: PresignerOptions): Presigner => {
  const { bucket, location } = options;
  const { origin, host, path, isAws } = location;
  const signer = createSignerV4(options.region);

  const encryption = encryptionHeaders(options.encryption);
  const noCopy = isAws ? [] : NO_COPY;
  const closed = isAws ? [] : [CLOSED];

  /** A URL dies with the session that signed it: one that ends sooner would break our word. */
  const mustLast = ({ expiresAt }: S3Credentials, expiresIn: number, now: Date): void => {
    if (expiresAt !== undefined && expiresAt.getTime() < now.getTime() + expiresIn * 1000)
      throw unavailable('the storage session ends before the URL would');
  };

  const put = (
    { key, size, expiresIn }: Pick<PutGrant, 'key' | 'size' | 'expiresIn'>,
    query: string,
    sent: readonly Pair[],
    credentials: S3Credentials,
    now: Date,
  ): string => {
    mustLast(credentials, expiresIn, now);
    // The length is signed, though the client is not told to send it: its HTTP stack does, and a
    // chunked body, having none, is refused.
    const unsorted: Pair[] = [['content-length', String(size)], ['host', host], ...sent];
    const headers = unsorted.sort(([a], [b]) => (a < b ? -1 : 1));
    const request = { method: 'PUT', origin, path: path(key), query, headers } as const;
    return signer.presign({ ...request, expiresIn, saysUnsigned: true }, credentials, now);
  };

  return {
    enforcement: (grant) => putEnforcement(isAws, grant),

    presignPut: (grant, credentials, now) => {
      mustBePutGrant(grant);
      const sent = sentHeaders(grant, [...noCopy, ...closed, ...encryption]);
      return {
        url: put(grant, '&x-id=PutObject', sent, credentials, now),
        method: 'PUT',
        headers: Object.fromEntries(sent),
        enforcement: putEnforcement(isAws, grant),
      };
    },

    presignPart: (grant, credentials, now) => {
      mustBePartGrant(grant);
      const { partNumber, uploadId } = grant;
      const query = `&partNumber=${partNumber}&uploadId=${encode(uploadId)}&x-id=UploadPart`;
      return {
        url: put(grant, query, noCopy, credentials, now),
        headers: Object.fromEntries(noCopy),
      };
    },

    presignGet: (grant, credentials, now) => {
      mustBeGetGrant(grant);
      mustLast(credentials, grant.expiresIn, now);
      const request = {
        method: 'GET',
        origin,
        path: path(grant.key),
        query: responseQuery(grant),
        headers: [['host', host]],
        expiresIn: grant.expiresIn,
        saysUnsigned: true,
      } as const;
      return { url: signer.presign(request, credentials, now) };
    },

    presignPost: (grant, credentials, now) => {
      mustBePostGrant(grant);
      mustLast(credentials, grant.expiresIn, now);
      const stamp = signer.stamp(credentials, now);
      return {
        url: location.formUrl,
        method: 'POST',
        headers: {},
        fields: postFields(grant, { bucket, encryption }, credentials, stamp, now),
        enforcement: POST_ENFORCEMENT,
      };
    },
  };
};
