import { z } from 'zod';
import { awsKeyNames, endpoint, region } from './schema-buckets.ts';
import { duration } from './values.ts';

const awsKms = z.strictObject({
  provider: z.literal('aws-kms', { error: 'must be aws-kms' }),
  region,
  endpoint: endpoint.exactOptional().meta({
    description: 'What speaks KMS elsewhere; absent: AWS itself.',
  }),
  new_keys: z.boolean().default(true).meta({
    description:
      'false: it signs with the keys it has, and those made from now on are local again.',
  }),
  credentials: z
    .strictObject(awsKeyNames)
    .prefault({})
    .meta({ description: 'Variables that hold them; absent: AWS_ACCESS_KEY_ID and its fellows.' }),
});

export const keys = z.strictObject({
  rotate_every: duration.prefault('90d').meta({
    description: 'How long a key signs before the next one does.',
  }),
  /** 10 min: twice as long as verifiers may keep the key set. */
  publish_ahead: duration.prefault('10m').meta({
    description:
      'How long a key stands in /jwks before it signs. Verifiers may keep the key set half as long, at most 5 minutes.',
  }),
  signer: awsKms.exactOptional().meta({
    description:
      'Who keeps the private halves of keys made from now on. Absent: the database, sealed with KEY_ENCRYPTION_KEY.',
  }),
});
