import type { S3Client } from '@aws-sdk/client-s3';
import { OAuthError } from '../../protocol/oauth-error.ts';
import { type CorsRule, type ExpiryRule, known, type SelfDescribing } from '../bucket-settings.ts';
import { type ControlOptions, createCall } from './client.ts';

type Sdk = typeof import('@aws-sdk/client-s3');

/** How S3 says that there is none of it. */
const NONE = new Set([
  'NoSuchBucketPolicy',
  'NoSuchPublicAccessBlockConfiguration',
  'NoSuchCORSConfiguration',
  'NoSuchLifecycleConfiguration',
  'ObjectLockConfigurationNotFoundError',
]);

const EVERYBODY = /\/groups\/(?:global\/AllUsers|global\/AuthenticatedUsers)$/;

/** The settings of a bucket on S3, by its own API. */
export const createSettingsReader = (options: ControlOptions): SelfDescribing => {
  const { bucket: Bucket } = options;
  const call = createCall(options);

  /** Undefined where there is none of it. */
  const ask = async <Answer>(
    operation: string,
    run: (client: S3Client, sdk: Sdk) => Promise<Answer>,
  ): Promise<Answer | undefined> => {
    try {
      return await call(operation, '', run);
    } catch (error) {
      if (error instanceof OAuthError && NONE.has((error.cause as Error | undefined)?.name ?? ''))
        return undefined;
      throw error;
    }
  };

  const isPublic = async (): Promise<boolean> => {
    const block = await ask('public access block', (client, sdk) =>
      client.send(new sdk.GetPublicAccessBlockCommand({ Bucket })),
    );
    const { IgnorePublicAcls: noAcls, RestrictPublicBuckets: noPolicy } =
      block?.PublicAccessBlockConfiguration ?? {};
    if (noAcls && noPolicy) return false;
    const policy = await ask('policy status', (client, sdk) =>
      client.send(new sdk.GetBucketPolicyStatusCommand({ Bucket })),
    );
    if (policy?.PolicyStatus?.IsPublic) return true;
    const acl = await ask('acl', (client, sdk) =>
      client.send(new sdk.GetBucketAclCommand({ Bucket })),
    );
    return (acl?.Grants ?? []).some(({ Grantee }) => EVERYBODY.test(Grantee?.URI ?? ''));
  };

  const isVersioned = async (): Promise<boolean> => {
    const answer = await ask('versioning', (client, sdk) =>
      client.send(new sdk.GetBucketVersioningCommand({ Bucket })),
    );
    return answer?.Status === 'Enabled';
  };

  const isLocked = async (): Promise<boolean> => {
    const answer = await ask('object lock', (client, sdk) =>
      client.send(new sdk.GetObjectLockConfigurationCommand({ Bucket })),
    );
    return answer?.ObjectLockConfiguration?.ObjectLockEnabled === 'Enabled';
  };

  const cors = async (): Promise<readonly CorsRule[]> => {
    const answer = await ask('cors', (client, sdk) =>
      client.send(new sdk.GetBucketCorsCommand({ Bucket })),
    );
    return (answer?.CORSRules ?? []).map(({ AllowedOrigins, AllowedMethods }) => ({
      origins: AllowedOrigins ?? [],
      methods: AllowedMethods ?? [],
    }));
  };

  const expiry = async (): Promise<readonly ExpiryRule[]> => {
    const answer = await ask('lifecycle', (client, sdk) =>
      client.send(new sdk.GetBucketLifecycleConfigurationCommand({ Bucket })),
    );
    return (answer?.Rules ?? []).flatMap(({ Status, Filter, Prefix, Expiration }) =>
      Status === 'Enabled' && Expiration?.Days !== undefined && Filter?.And === undefined
        ? [{ prefix: Filter?.Prefix ?? Prefix ?? '', days: Expiration.Days }]
        : [],
    );
  };

  const told = async (): Promise<readonly string[]> => {
    const answer = await ask('notification', (client, sdk) =>
      client.send(new sdk.GetBucketNotificationConfigurationCommand({ Bucket })),
    );
    const topics = (answer?.TopicConfigurations ?? [])
      .filter(({ Events = [] }) => Events.some((event) => event.startsWith('s3:ObjectCreated:')))
      .map(({ TopicArn }) => TopicArn ?? '');
    return answer?.EventBridgeConfiguration ? [...topics, 'eventbridge'] : topics;
  };

  return {
    settings: async () => ({
      isPublic: await known(isPublic),
      isVersioned: await known(isVersioned),
      isLocked: await known(isLocked),
      cors: await known(cors),
      expiry: await known(expiry),
      told: await known(told),
    }),
  };
};
