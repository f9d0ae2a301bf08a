import type { Bucket } from '../config/deployment.ts';
import { STAGING_PREFIX } from '../scope/canonical-path.ts';

/** Commands that set a bucket to what was meant, ready for a shell. Each names the whole of what it sets. */

const quote = (value: object): string => `'${JSON.stringify(value).replaceAll("'", "'\\''")}'`;

const s3 = (bucket: Bucket, command: string, option: string, value: object): string => {
  const endpoint = bucket.endpoint === undefined ? '' : ` --endpoint-url ${bucket.endpoint}`;
  return `aws s3api ${command} --bucket ${bucket.bucket}${endpoint} ${option} ${quote(value)}`;
};

/** By a file, since gcloud takes no JSON on its command line. */
const gcs = (bucket: Bucket, option: string, value: object): string =>
  `echo ${quote(value)} > /tmp/setting.json && gcloud storage buckets update gs://${bucket.bucket} ${option}=/tmp/setting.json`;

const accountOf = (bucket: Bucket): string =>
  (bucket.provider === 'azure' ? bucket.credentials.account : undefined) ?? '<account>';

export const privateFix = (bucket: Bucket): string => {
  if (bucket.provider === 'gcs')
    return `gcloud storage buckets update gs://${bucket.bucket} --public-access-prevention`;
  if (bucket.provider === 'azure')
    return `az storage container set-permission --name ${bucket.bucket} --account-name ${accountOf(bucket)} --public-access off`;
  return s3(bucket, 'put-public-access-block', '--public-access-block-configuration', {
    BlockPublicAcls: true,
    IgnorePublicAcls: true,
    BlockPublicPolicy: true,
    RestrictPublicBuckets: true,
  });
};

/** How long is for whoever must keep it to say. */
export const lockFix = (bucket: Bucket): string => {
  if (bucket.provider === 'gcs')
    return `gcloud storage buckets update gs://${bucket.bucket} --retention-period=<period>`;
  if (bucket.provider === 'azure')
    return `az storage container immutability-policy create --container-name ${bucket.bucket} --account-name ${accountOf(bucket)} --period <days>`;
  return `${s3(bucket, 'put-object-lock-configuration', '--object-lock-configuration', {
    ObjectLockEnabled: 'Enabled',
  })} (versioning must be on), or write retention: { locked: false }`;
};

export const corsFix = (bucket: Bucket, origins: readonly string[]): string => {
  const methods = ['GET', 'PUT'];
  if (bucket.provider === 'gcs')
    return gcs(bucket, '--cors-file', [
      { origin: origins, method: methods, responseHeader: ['*'], maxAgeSeconds: 3_600 },
    ]);
  if (bucket.provider === 'azure')
    return `az storage cors add --account-name ${accountOf(bucket)} --services b --methods ${methods.join(' ')} --origins ${origins.join(' ')} --allowed-headers '*' --exposed-headers ETag --max-age 3600`;
  return s3(bucket, 'put-bucket-cors', '--cors-configuration', {
    CORSRules: [
      {
        AllowedOrigins: origins,
        AllowedMethods: methods,
        AllowedHeaders: ['*'],
        ExposeHeaders: ['ETag'],
        MaxAgeSeconds: 3_600,
      },
    ],
  });
};

export const expiryFix = (bucket: Bucket): string => {
  if (bucket.provider === 'gcs')
    return gcs(bucket, '--lifecycle-file', {
      rule: [
        { action: { type: 'Delete' }, condition: { age: 1, matchesPrefix: [STAGING_PREFIX] } },
      ],
    });
  return s3(bucket, 'put-bucket-lifecycle-configuration', '--lifecycle-configuration', {
    Rules: [
      {
        ID: 'daypass-staging',
        Status: 'Enabled',
        Filter: { Prefix: STAGING_PREFIX },
        Expiration: { Days: 1 },
        AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 },
      },
    ],
  });
};

export const topicFix = (bucket: Bucket, topics: readonly string[]): string => {
  if (bucket.provider === 'gcs')
    return `gcloud storage buckets notifications create gs://${bucket.bucket} --topic=<topic> --event-types=OBJECT_FINALIZE --object-prefix=${STAGING_PREFIX}`;
  return s3(bucket, 'put-bucket-notification-configuration', '--notification-configuration', {
    TopicConfigurations: topics.map((TopicArn) => ({
      TopicArn,
      Events: ['s3:ObjectCreated:*'],
      Filter: { Key: { FilterRules: [{ Name: 'prefix', Value: STAGING_PREFIX }] } },
    })),
  });
};
