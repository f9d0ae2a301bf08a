import type { Bucket } from '../config/deployment.ts';
import type { SigningAlgorithm } from '../protocol/signing-algorithm.ts';
import { ambientCredentials } from '../storage/s3/ambient.ts';
import { type CredentialSource, holdCredentials } from '../storage/s3/held-credentials.ts';
import { type AskKeyOwner, refuseRootKeys } from '../storage/s3/key-owner.ts';
import { createS3Store, type SessionS3Store } from '../storage/s3/s3-store.ts';
import type { S3Credentials } from '../storage/s3/signature-v4.ts';
import { type Asker, createTokenService } from '../storage/s3/token-service.ts';
import { awsCredentials, type Secret } from './aws-credentials.ts';

export type S3Bucket = Extract<Bucket, { provider: 's3' }>;

export interface S3StoreParts {
  readonly secret: Secret;
  readonly now: () => Date;
  /** A JWT by which Daypass vouches for its use of one bucket, to whoever trusts it as an OIDC provider. */
  readonly vouch: (bucket: Bucket, audience: string, alg?: SigningAlgorithm) => Promise<string>;
  /** Whose a key without an end is. */
  readonly ownerOf: AskKeyOwner;
}

/** What AWS's token service is called in a web identity. */
const STS_AUDIENCE = 'sts.amazonaws.com';
/** Seconds of a session that is our own: what every role allows unless told otherwise. */
const SESSION = 3_600;

export const s3StoreOf = (bucket: S3Bucket, parts: S3StoreParts): SessionS3Store => {
  const { region, endpoint, encryption, temporary_credentials: lent } = bucket;
  const credentials = credentialsOf(bucket, parts);
  const tokenService = () =>
    createTokenService({ region, endpoint, asker: askerOf(bucket, credentials, parts) });
  return createS3Store({
    bucket: bucket.bucket,
    region,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(bucket.path_style === undefined ? {} : { pathStyle: bucket.path_style }),
    ...(encryption === undefined ? {} : { encryption }),
    ...(lent === undefined
      ? {}
      : { lending: { roleArn: lent.role_arn, tokenService: tokenService() } }),
    credentials,
  });
};

/** A named identity is never replaced by the keys that happen to be around. */
const credentialsOf = (bucket: S3Bucket, parts: S3StoreParts): CredentialSource => {
  const { region, endpoint, credentials: names } = bucket;
  const { secret, now, ownerOf } = parts;
  const { web_identity: identity } = names;
  if (identity !== undefined) {
    const { assume } = createTokenService({ region, endpoint, asker: vouching(bucket, parts) });
    const role = {
      arn: identity.role_arn,
      sessionName: `daypass-${bucket.id}`.slice(0, 64),
      duration: SESSION,
    };
    return holdCredentials(() => assume(role), now);
  }
  const source = keyAtHand(bucket, secret) ?? holdCredentials(ambientCredentials(region), now);
  return refuseRootKeys(source, { place: { region, endpoint }, ownerOf, now });
};

/** Those that are named or in the variables of AWS's own tools: the others have to be asked for. */
export const keyAtHand = (
  { id, credentials: names }: S3Bucket,
  secret: Secret,
): (() => S3Credentials) | undefined => {
  if (names.web_identity !== undefined) return undefined;
  const isNamed = Object.keys(names).length > 0 || secret('AWS_ACCESS_KEY_ID') !== undefined;
  return isNamed ? () => awsCredentials(names, secret, id) : undefined;
};

/** Whoever needs no standing key to store needs none to lend. */
const askerOf = (bucket: S3Bucket, credentials: CredentialSource, parts: S3StoreParts): Asker =>
  bucket.credentials.web_identity === undefined
    ? { credentials: () => credentials(60) }
    : vouching(bucket, parts);

const vouching = (bucket: S3Bucket, { vouch }: S3StoreParts): Asker => ({
  webIdentity: () => vouch(bucket, STS_AUDIENCE, assertionAlgorithm(bucket)),
});

/** Ceph reads no elliptic key that comes without a certificate; what other servers read is not known. AWS reads both. */
export const assertionAlgorithm = ({ endpoint }: S3Bucket): SigningAlgorithm =>
  endpoint === undefined ? 'ES256' : 'RS256';
