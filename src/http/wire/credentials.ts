import { z } from 'zod';
import type { GrantedCredentials } from '../../broker/credentials/request-credentials.ts';
import type { CredentialsRequest } from '../../broker/credentials/settle-credentials.ts';
import { text } from './text.ts';

const action = z.enum(['read', 'write', 'list', 'delete']);

/** `POST /request-credentials`. */
export const credentialsBody = z.strictObject({
  resource: text(2048).optional().meta({ description: 'The one of the token by default.' }),
  actions: z.array(action).min(1).max(4),
  prefix: text(2048)
    .optional()
    .meta({ description: 'A folder within the prefix of the token, which is the default.' }),
  ttl: z.int().min(60).max(3600).optional().meta({
    description:
      'Seconds; 900 by default, and 300 at most for a token that is bound to no key: more is lowered.',
  }),
});

export const toCredentialsRequest = (
  body: z.output<typeof credentialsBody>,
): CredentialsRequest => ({
  resource: body.resource,
  actions: body.actions,
  prefix: body.prefix,
  ttl: body.ttl,
});

const s3 = z.object({
  provider: z.literal('s3'),
  bucket: z.string(),
  region: z.string(),
  endpoint: z.url().optional().meta({ description: 'Absent: AWS itself.' }),
  pathStyle: z.boolean(),
  accessKeyId: z.string(),
  secretAccessKey: z.string(),
  sessionToken: z.string(),
});

const azure = z.object({
  provider: z.literal('azure'),
  url: z.url().meta({ description: 'Of the container.' }),
  sasToken: z.string(),
});

const gcs = z.object({
  provider: z.literal('gcs'),
  bucket: z.string(),
  accessToken: z.string(),
});

export const credentialsAnswer = z.object({
  credentialsId: z.string().meta({ description: 'Names them on record; it opens nothing.' }),
  resource: z.string(),
  actions: z.array(action),
  prefix: z.string().meta({ description: 'Keys in the cloud begin with it, without its first /.' }),
  expiresAt: z.iso.datetime().meta({
    description: 'The cloud refuses them from then on, also where it says that they live longer.',
  }),
  credentials: z.union([s3, azure, gcs]),
});

export const toCredentialsAnswer = ({
  record,
  resource,
  credentials,
}: GrantedCredentials): object => ({
  credentialsId: record.credentialId,
  resource,
  actions: record.actions,
  prefix: record.prefix,
  expiresAt: record.expiresAt.toISOString(),
  credentials,
});
