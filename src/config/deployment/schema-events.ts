import { z } from 'zod';
import { distinct, says, text, variableName } from './values.ts';

const TOPIC_ARN = /^arn:aws(-cn|-us-gov)?:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}(\.fifo)?$/;
const topicArn = z
  .string()
  .refine(
    (value) => TOPIC_ARN.test(value),
    says(
      'topic_arn',
      'must be the ARN of an SNS topic',
      'copy it, as arn:aws:sns:eu-west-1:123456789012:uploads',
    ),
  );

const secret = variableName.exactOptional().meta({
  description:
    'The variable that holds a secret (16 characters or more) which the sender puts into the header `X-Daypass-Event-Secret`.',
});

const oneOf = (names: readonly string[]) =>
  says('one_proof', `must name one of ${names.join(', ')}`, 'say how events prove who sent them');

const describe = <T extends z.ZodType>(schema: T) =>
  schema.exactOptional().meta({
    description:
      'Whose word is taken that an object has arrived (docs/storage.md). Absent: nobody’s; the broker looks by itself.',
  });

export const s3Events = describe(
  z
    .strictObject({
      topic_arns: distinct(topicArn).exactOptional().meta({
        description: 'SNS topics whose signed messages are heard at /events/s3.',
      }),
      secret_env: secret,
    })
    .refine(
      ({ topic_arns = [], secret_env }) => topic_arns.length > 0 || secret_env !== undefined,
      oneOf(['topic_arns', 'secret_env']),
    ),
);

export const gcsEvents = describe(
  z.strictObject({
    audience: text.meta({ description: 'Of the push subscription, exactly as it has it.' }),
    service_account: text.meta({
      description: 'The e-mail address of the account that the subscription signs as.',
    }),
  }),
);

/** Event Grid's own application, the same in every tenant. */
const EVENT_GRID = '4962773b-9cdb-44cf-a8bf-237846a00ab7';

export const azureEvents = describe(
  z
    .strictObject({
      entra: z
        .strictObject({
          tenant_id: text,
          audience: text.meta({ description: 'The application that the subscription names.' }),
          app_id: text.default(EVENT_GRID).meta({ description: 'Who delivers: Event Grid.' }),
        })
        .exactOptional()
        .meta({ description: 'Deliveries carry a token of Microsoft Entra.' }),
      secret_env: secret,
    })
    .refine(
      ({ entra, secret_env }) => entra !== undefined || secret_env !== undefined,
      oneOf(['entra', 'secret_env']),
    ),
);
