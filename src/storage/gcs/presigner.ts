import {
  attachment,
  mustBeGetGrant,
  mustBePartGrant,
  mustBePostGrant,
  mustBePutGrant,
} from '../grant.ts';
import type { PartGrant, PresignedPart } from '../multipart.ts';
import type {
  EnforceableGrant,
  Enforcement,
  GetGrant,
  PostGrant,
  PresignedDownload,
  PresignedUpload,
  PutGrant,
} from '../object-store.ts';
import type { Location } from './location.ts';
import type { BlobSigner } from './sign-blob.ts';
import { presignV4, signForm } from './signature-v4.ts';

export interface PresignerOptions {
  readonly location: Location;
  readonly bucket: string;
  readonly signer: () => BlobSigner | Promise<BlobSigner>;
}

export interface Presigner {
  enforcement(grant: EnforceableGrant): Enforcement[];
  presignPut(grant: PutGrant, now: Date): Promise<PresignedUpload>;
  presignGet(grant: GetGrant, now: Date): Promise<PresignedDownload>;
  presignPart(grant: PartGrant, now: Date): Promise<PresignedPart>;
  /** A form, for a size that is known as a range only. */
  presignPost(grant: PostGrant, now: Date): Promise<PresignedUpload>;
}

/** Google checks CRC-32C and MD5 alone, so a SHA-256 is ours to check. */
const enforcement = ({ sha256 }: EnforceableGrant): Enforcement[] => [
  { constraint: 'size', by: 'storage' },
  { constraint: 'content_type', by: 'storage' },
  ...(sha256 === undefined ? [] : [{ constraint: 'sha256', by: 'broker' } as const]),
  { constraint: 'single_object', by: 'storage' },
  { constraint: 'no_overwrite', by: 'storage' },
  { constraint: 'expiry', by: 'storage' },
];

/** A form has no precondition: only the broker, which pins a generation, stands against an overwrite. */
const formEnforcement = (grant: PostGrant): Enforcement[] =>
  enforcement({ size: grant.maxSize, contentType: grant.contentType }).map((one) =>
    one.constraint === 'no_overwrite' ? { ...one, by: 'broker' } : one,
  );

export const createPresigner = ({ location, bucket, signer }: PresignerOptions): Presigner => ({
  enforcement,

  presignPut: async (grant, now) => {
    mustBePutGrant(grant);
    const { key, size, contentType, expiresIn } = grant;
    const headers = {
      'content-type': contentType,
      'x-goog-content-length-range': `${size},${size}`,
      'x-goog-if-generation-match': '0',
    };
    const request = {
      method: 'PUT',
      origin: location.origin,
      path: location.path(key),
      query: {},
      headers: { ...headers, host: location.host },
      expiresIn,
    } as const;
    return {
      url: await presignV4(request, await signer(), now),
      method: 'PUT',
      headers,
      enforcement: enforcement(grant),
    };
  },

  presignPart: async (grant, now) => {
    mustBePartGrant(grant);
    const { key, uploadId, partNumber, size, expiresIn } = grant;
    const headers = { 'x-goog-content-length-range': `${size},${size}` };
    const request = {
      method: 'PUT',
      origin: location.origin,
      path: location.path(key),
      query: { partNumber: String(partNumber), uploadId },
      headers: { ...headers, host: location.host },
      expiresIn,
    } as const;
    return { url: await presignV4(request, await signer(), now), headers };
  },

  presignGet: async (grant, now) => {
    mustBeGetGrant(grant);
    const { key, fileName, contentType, expiresIn, immutable } = grant;
    const request = {
      method: 'GET',
      origin: location.origin,
      path: location.path(key),
      // Caching cannot be said here: `copy` has said it of the object.
      query: {
        ...(immutable === undefined ? {} : { generation: immutable }),
        'response-content-disposition': attachment(fileName),
        ...(contentType === undefined ? {} : { 'response-content-type': contentType }),
      },
      headers: { host: location.host },
      expiresIn,
    } as const;
    return { url: await presignV4(request, await signer(), now) };
  },

  presignPost: async (grant, now) => {
    mustBePostGrant(grant);
    const { key, contentType, minSize, maxSize, expiresIn } = grant;
    const form = {
      bucket,
      key,
      fields: { 'content-type': contentType },
      conditions: [['content-length-range', minSize, maxSize]],
      expiresIn,
    };
    return {
      url: location.formUrl,
      method: 'POST',
      headers: {},
      fields: await signForm(form, await signer(), now),
      enforcement: formEnforcement(grant),
    };
  },
});
