import { z } from 'zod';
import { says, text } from './values.ts';

const members = {
  direct_write: z.boolean().default(false).meta({
    description:
      '`true`: they may write. What is written so is not inspected, and may replace what was.',
  }),
};

const DESCRIPTION =
  'Lends temporary credentials of the cloud for a prefix (`POST /request-credentials`). Absent: none.';

const ROLE = /^arn:[a-z0-9-]+:iam::[A-Za-z0-9-]*:role\/[\w+=,.@/-]{1,512}$/;

/** The name of a role, as STS takes it. */
export const roleArn = text.refine(
  (value) => ROLE.test(value),
  says(
    'role_arn',
    'must be the ARN of a role',
    'copy it from IAM: arn:aws:iam::<account>:role/<name>',
  ),
);

export const lendsSessions = z
  .strictObject({
    role_arn: roleArn.meta({
      description: 'The role whose sessions are lent, each limited further.',
    }),
    ...members,
  })
  .exactOptional()
  .meta({ description: DESCRIPTION });

export const lendsTokens = z
  .strictObject({
    service_account: text.meta({
      description: 'The service account whose tokens are lent, each narrowed and of its own life.',
    }),
    ...members,
  })
  .exactOptional()
  .meta({ description: DESCRIPTION });

/** Directories alone: the account needs a hierarchical namespace. */
export const lends = z.strictObject(members).exactOptional().meta({ description: DESCRIPTION });

export const encryption = z
  .strictObject({
    sse: z.enum(['AES256', 'aws:kms']),
    kms_key_id: text
      .exactOptional()
      .meta({ description: 'Of `aws:kms`. Absent: the account’s own.' }),
  })
  .exactOptional()
  .meta({ description: 'Said with every upload and copy. Absent: the default of the bucket.' });
