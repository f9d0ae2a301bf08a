import { OAuthError } from '../../protocol/oauth-error.ts';
import { asciiJson } from '../ascii-json.ts';
import type { CredentialsGrant } from '../cloud-credentials.ts';

/** Characters that AWS takes in an inline session policy, none above U+00FF; Ceph counts bytes. */
const LONGEST_POLICY = 2048;

/** What each action is to S3. Nothing here reads or sets retention, versions, tags or access of others. */
const ON_OBJECTS = {
  read: ['s3:GetObject'],
  write: ['s3:PutObject', 's3:AbortMultipartUpload', 's3:ListMultipartUploadParts'],
  delete: ['s3:DeleteObject'],
  list: [],
} as const;

/** In a policy these are wildcards and variables, not letters: with them a prefix could be wider than it looks. */
const PATTERN = /[*?$]/;

const partitionOf = (region: string): string => {
  if (region.startsWith('cn-')) return 'aws-cn';
  return region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws';
};

/**
 * What a session of the role is limited to: exactly these actions, below this prefix, until this moment. STS gives no
 * session less than 15 minutes; the condition on the clock does.
 *
 * @throws {OAuthError} `invalid_request` where it cannot be said exactly, or not within AWS's limit.
 */
export const sessionPolicy = (
  { actions, prefix, expiresAt }: CredentialsGrant,
  { bucket, region }: { readonly bucket: string; readonly region: string },
): string => {
  if (PATTERN.test(prefix)) {
    throw refuse(
      'prefix_pattern',
      'the prefix holds *, ? or $, which S3 would take for a pattern',
      'use a folder without them',
    );
  }
  const arn = `arn:${partitionOf(region)}:s3:::${bucket}`;
  const inTime = {
    DateLessThan: { 'aws:CurrentTime': expiresAt.toISOString().replace(/\.\d{3}Z$/, 'Z') },
  };
  const objects = actions.flatMap((action) => ON_OBJECTS[action]);
  const text = asciiJson({
    Version: '2012-10-17',
    Statement: [
      ...(objects.length === 0
        ? []
        : [{ Effect: 'Allow', Action: objects, Resource: `${arn}/${prefix}*`, Condition: inTime }]),
      ...(actions.includes('list')
        ? [
            {
              Effect: 'Allow',
              Action: ['s3:ListBucket'],
              Resource: arn,
              Condition: { StringLike: { 's3:prefix': `${prefix}*` }, ...inTime },
            },
          ]
        : []),
    ],
  });
  if (text.length > LONGEST_POLICY) throw tooLong();
  return text;
};

/** The policy says its prefix once or twice, and little else that differs. */
export const tooLong = (): OAuthError =>
  refuse(
    'prefix_length',
    'the token service takes no policy for a prefix this long',
    'use a shorter prefix, or ask for fewer actions at a time',
  );

const refuse = (rule: string, message: string, remedy: string): OAuthError =>
  new OAuthError('invalid_request', 'storage does not lend credentials for this', {
    violations: [{ field: 'prefix', rule, message, remedy }],
  });
