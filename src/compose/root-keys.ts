/** Root keys: does a bucket hang on the key of an account's root user? Then the broker does not start. */
import type { Bucket, Deployment } from '../config/deployment.ts';
import { ConfigurationError, type Problem } from '../config/problem.ts';
import type { AskKeyOwner, KeyOwner } from '../storage/s3/key-owner.ts';
import type { S3Credentials } from '../storage/s3/signature-v4.ts';
import type { Secret } from './aws-credentials.ts';
import { keyAtHand, type S3Bucket } from './s3-store.ts';

export const ROOT_KEY = {
  message:
    "its key is the root user's, whom no policy holds: whatever it signed lives until that key is deleted",
  remedy:
    "delete the root user's key; use a role ({} or web_identity), or a key of an IAM user who may use this bucket only",
} as const;

/** Whose the key is that a bucket is opened by. Undefined where there is none at hand, or it ends by itself. */
export const ownerOfKey = async (
  bucket: Bucket,
  secret: Secret,
  ownerOf: AskKeyOwner,
): Promise<KeyOwner | undefined> => {
  if (bucket.provider !== 's3') return undefined;
  const key = standingKeyOf(bucket, secret);
  return key && ownerOf({ region: bucket.region, endpoint: bucket.endpoint }, key);
};

const standingKeyOf = (bucket: S3Bucket, secret: Secret): S3Credentials | undefined => {
  try {
    const key = keyAtHand(bucket, secret)?.();
    return key?.sessionToken === undefined ? key : undefined;
  } catch {
    // A variable that is not set is said where the bucket is used: other buckets may do without.
    return undefined;
  }
};

/** @throws {ConfigurationError} with every bucket that a root user's key opens */
export const mustNotBeRoot = async (
  { buckets }: Pick<Deployment, 'buckets'>,
  secret: Secret,
  ownerOf: AskKeyOwner,
): Promise<void> => {
  const owners = await Promise.all(buckets.map((bucket) => ownerOfKey(bucket, secret, ownerOf)));
  const problems = buckets
    .filter((_, at) => owners[at] === 'root')
    .map(
      ({ id }): Problem => ({ path: `buckets.${id}.credentials`, rule: 'root_key', ...ROOT_KEY }),
    );
  if (problems.length > 0) throw new ConfigurationError('the configuration in force', problems);
};
