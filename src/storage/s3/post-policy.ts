import { Buffer } from 'node:buffer';
import type { PostGrant } from '../object-store.ts';
import type { Pair } from './encryption.ts';
import { ALGORITHM, type S3Credentials, type Stamp } from './signature-v4.ts';

const withoutFraction = (date: Date): string => date.toISOString().replace(/\.\d{3}Z$/, 'Z');

/**
 * The fields of a browser form that may upload one object: every field is a condition, the key and the
 * content type are equalities, and the size is a range the storage measures itself.
 */
export const postFields = (
  grant: PostGrant,
  { bucket, encryption }: { readonly bucket: string; readonly encryption: readonly Pair[] },
  { sessionToken }: S3Credentials,
  stamp: Stamp,
  now: Date,
): Record<string, string> => {
  const fields = {
    'Content-Type': grant.contentType,
    bucket,
    'X-Amz-Algorithm': ALGORITHM,
    'X-Amz-Credential': stamp.credential,
    'X-Amz-Date': stamp.date,
    ...(sessionToken === undefined ? {} : { 'X-Amz-Security-Token': sessionToken }),
    ...Object.fromEntries(encryption),
    key: grant.key,
  };
  const policy = {
    expiration: withoutFraction(new Date(now.getTime() + grant.expiresIn * 1000)),
    conditions: [
      ['content-length-range', grant.minSize, grant.maxSize],
      ...Object.entries(fields).map(([name, value]) => ({ [name]: value })),
    ],
  };
  const encoded = Buffer.from(JSON.stringify(policy)).toString('base64');
  return { ...fields, Policy: encoded, 'X-Amz-Signature': stamp.sign(encoded) };
};
