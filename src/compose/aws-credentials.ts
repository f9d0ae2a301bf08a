import type { Keys } from '../config/deployment.ts';
import type { S3Credentials } from '../storage/s3/signature-v4.ts';
import { notSet } from './missing-variable.ts';

export type Secret = (name: string) => string | undefined;
export type AwsKeyNames = NonNullable<Keys['signer']>['credentials'];

/** Those that are named, else those that AWS's own tools read. Read again for each use: a file's secret may rotate. */
export const awsCredentials = (
  names: AwsKeyNames,
  secret: Secret,
  bucket?: string,
): S3Credentials => {
  const read = (name: string): string => {
    const value = secret(name);
    if (value === undefined) throw notSet(name, bucket);
    return value;
  };
  const sessionToken = secret(names.session_token_env ?? 'AWS_SESSION_TOKEN');
  return {
    accessKeyId: read(names.access_key_id_env ?? 'AWS_ACCESS_KEY_ID'),
    secretAccessKey: read(names.secret_access_key_env ?? 'AWS_SECRET_ACCESS_KEY'),
    ...(sessionToken === undefined ? {} : { sessionToken }),
  };
};
