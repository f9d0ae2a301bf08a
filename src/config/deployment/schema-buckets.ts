import { z } from 'zod';
import { isBucketId } from '../../scope/scope.ts';
import { webUrl } from '../url.ts';
import { azureEvents, gcsEvents, s3Events } from './schema-events.ts';
import { uploadLimits } from './schema-limits.ts';
import { encryption, lends, lendsSessions, lendsTokens } from './schema-temporary-credentials.ts';
import { id, says, text, variableName } from './values.ts';

const bucketId = z
  .string()
  .refine(
    isBucketId,
    says(
      'bucket_id',
      'must be at most 63 of a-z 0-9 . _ - and begin with a-z or 0-9',
      'choose a short name such as project-123',
    ),
  )
  .meta({ description: 'Scopes and grants name it as `bucket:<id>`.' });

/** A bucket's name becomes a host name or a path segment: no dot and no slash can lead elsewhere. */
const BUCKET_NAME = /^[a-z0-9][a-z0-9_-]{1,61}[a-z0-9]$/;
const bucketName = z
  .string()
  .refine(
    (value) => BUCKET_NAME.test(value),
    says(
      'bucket_name',
      'must be 3 to 63 of a-z 0-9 _ - and start and end with a letter or digit',
      'give the name only, without host or path; buckets with a dot are not supported',
    ),
  )
  .meta({
    pattern: BUCKET_NAME.source,
    description: 'Its name at the provider (Azure: the container); not needed for local.',
  });

/** It becomes a host name, too: what is no account's name would send requests elsewhere. */
const ACCOUNT = /^[a-z0-9]{3,24}$/;
const storageAccount = z
  .string()
  .refine(
    (value) => ACCOUNT.test(value),
    says(
      'account_name',
      'must be 3 to 24 of a-z 0-9',
      'give the name of the account only, without its host',
    ),
  )
  .meta({
    pattern: ACCOUNT.source,
    description: 'The storage account. Absent: `AZURE_STORAGE_ACCOUNT`.',
  });

const REGION = /^[a-z0-9]+(-[a-z0-9]+)*$/;
export const region = z
  .string()
  .refine(
    (value) => REGION.test(value),
    says('region', 'must be a region such as eu-west-1', "copy it from the provider's console"),
  )
  .meta({ pattern: REGION.source });

export const endpoint = z.string().refine(
  (value) => {
    const url = webUrl(value);
    return url !== undefined && url.search === '' && url.hash === '';
  },
  says(
    'endpoint',
    'must be an http or https URL without query, fragment or user',
    'give the server only, such as https://s3.example; leave it out for the provider itself',
  ),
);

const antivirus = z
  .string()
  .refine(
    (value) => URL.parse(value)?.protocol === 'clamd:' && URL.parse(value)?.hostname !== '',
    says('antivirus', 'must be clamd://host:port', 'write the address of clamd'),
  );

const MEDIA_TYPE = /^[a-z0-9][a-z0-9!#$&^_.+-]*\/[a-z0-9][a-z0-9!#$&^_.+-]*$/;

const validate = z.strictObject({
  antivirus: antivirus.exactOptional().meta({
    description:
      'A virus scanner, `clamd://host:port`. While it does not answer, uploads wait. Absent: none.',
  }),
  sniff: z.boolean().default(true).meta({
    description:
      'Whether the bytes must be what the content type says, and nothing besides: images are decoded, archives unpacked.',
  }),
  schema: z
    .record(
      z
        .string()
        .refine(
          (value) => MEDIA_TYPE.test(value),
          says('media_type', 'must be a media type in lower case', 'write it as text/csv'),
        ),
      z.union([text, z.record(z.string(), z.unknown())]),
    )
    .exactOptional()
    .meta({
      description:
        'JSON Schemas for text/csv, application/json and application/x-ndjson, by content type: files, from the folder of this one, or the schemas themselves.',
    }),
});

const common = {
  id: bucketId,
  tenant: id,
  residency: text.exactOptional().meta({ description: 'The region its objects are kept in.' }),
  classification: z
    .enum(['public', 'internal', 'confidential', 'restricted'])
    .default('internal')
    .meta({
      description: '`lawful_basis` is required for confidential and restricted only.',
    }),
  retention: z
    .strictObject({
      locked: z.boolean().default(false).meta({
        description: '`true`: no credential may change retention.',
      }),
    })
    .default({ locked: false }),
  validate: validate.default({ sniff: true }).meta({
    description: 'What an upload must pass before anybody can read it.',
  }),
  limits: uploadLimits.exactOptional().meta({
    description: 'For all uploads to it, over sliding windows. Absent: none.',
  }),
  endpoint: endpoint.exactOptional().meta({
    description: 'S3-compatible servers and emulators. Absent: the provider itself.',
  }),
};

/** Names of the variables that hold AWS credentials; absent ones are those AWS's own tools read. */
export const awsKeyNames = {
  access_key_id_env: variableName.exactOptional(),
  secret_access_key_env: variableName.exactOptional(),
  session_token_env: variableName.exactOptional(),
};

const s3 = z.strictObject({
  ...common,
  provider: z.literal('s3'),
  bucket: bucketName,
  region,
  credentials: z
    .strictObject({
      ...awsKeyNames,
      web_identity: z.strictObject({ role_arn: text }).exactOptional().meta({
        description: 'An identity that trusts Daypass as its OIDC provider: no standing secret.',
      }),
    })
    .default({})
    .meta({ description: 'Names of variables, or {} for what surrounds the process.' }),
  path_style: z.boolean().exactOptional().meta({
    description:
      'Of an endpoint: `false` puts the bucket into the host name. Absent: into the path.',
  }),
  encryption,
  events: s3Events,
  temporary_credentials: lendsSessions,
});

const azure = z.strictObject({
  ...common,
  provider: z.literal('azure'),
  bucket: bucketName,
  region: region.exactOptional(),
  credentials: z
    .strictObject({
      account: storageAccount.exactOptional(),
      account_key_env: variableName.exactOptional().meta({
        description:
          'The variable that holds an account key. It signs for the whole account and for as long as it exists: absent, a user delegation key signs, which can be revoked.',
      }),
      web_identity: z.strictObject({ tenant_id: text, client_id: text }).exactOptional().meta({
        description: 'An app registration that trusts Daypass as its OIDC provider.',
      }),
    })
    .default({}),
  pin_headers: z.boolean().default(false).meta({
    description:
      '`true`: an upload URL pins content type and precondition by signed request headers, a preview of Azure.',
  }),
  events: azureEvents,
  temporary_credentials: lends,
});

const gcs = z.strictObject({
  ...common,
  provider: z.literal('gcs'),
  bucket: bucketName,
  region: region.exactOptional(),
  credentials: z
    .strictObject({
      service_account_env: variableName.exactOptional().meta({
        description:
          "The variable that holds a service account's JSON key, which signs for as long as it exists. Absent: IAM signs (`signBlob`), without a key to lose.",
      }),
      sign_as: text.exactOptional().meta({
        description:
          'The service account that ambient credentials sign as. Absent: the one the process runs as.',
      }),
      web_identity: z.strictObject({ audience: text, service_account: text }).exactOptional().meta({
        description:
          'A workload identity pool provider (`//iam.googleapis.com/projects/…/providers/…`) that trusts Daypass as its OIDC provider, and the service account it acts as.',
      }),
    })
    .default({}),
  events: gcsEvents,
  temporary_credentials: lendsTokens,
});

/** Kept under `$DAYPASS_HOME`: name, region and endpoint are allowed, so that a file can switch provider. */
const local = z.strictObject({
  ...common,
  provider: z.literal('local'),
  bucket: bucketName.exactOptional(),
  region: region.exactOptional(),
  credentials: z.strictObject({}).default({}),
});

export const bucket = z.discriminatedUnion('provider', [s3, azure, gcs, local]);
