import { OAuthError, unavailable } from '../../protocol/oauth-error.ts';
import { type CorsRule, known, notSaid, type SelfDescribing } from '../bucket-settings.ts';
import { errorCode, type Service } from './client.ts';

/** What only Azure's management has, and no identity of objects may read. */
const MANAGEMENT = 'only the management API of Azure says it';

/** The settings of a container, as far as the Blob service itself says them. */
export const createSettingsReader = ({
  bucket,
  service,
}: {
  readonly bucket: string;
  readonly service: () => Promise<Service>;
}): SelfDescribing => {
  const ask = async <Answer>(
    operation: string,
    run: (service: Service) => Promise<Answer>,
  ): Promise<Answer> => {
    try {
      return await run(await service());
    } catch (error) {
      if (error instanceof OAuthError) throw error;
      throw unavailable(`storage ${operation} failed: ${errorCode(error)}`, error);
    }
  };
  const container = () =>
    ask('container', ({ client }) => client.getContainerClient(bucket).getProperties());

  const cors = async (): Promise<readonly CorsRule[]> => {
    const { cors: rules = [] } = await ask('cors', ({ client }) => client.getProperties());
    return rules.map(({ allowedOrigins, allowedMethods }) => ({
      origins: allowedOrigins.split(',').map((origin) => origin.trim()),
      methods: allowedMethods.split(',').map((method) => method.trim().toUpperCase()),
    }));
  };

  return {
    settings: async () => ({
      isPublic: await known(async () => (await container()).blobPublicAccess !== undefined),
      isVersioned: notSaid(MANAGEMENT),
      isLocked: await known(async () => {
        const { hasImmutabilityPolicy, isImmutableStorageWithVersioningEnabled } =
          await container();
        return hasImmutabilityPolicy === true || isImmutableStorageWithVersioningEnabled === true;
      }),
      cors: await known(cors),
      expiry: notSaid(MANAGEMENT),
      told: notSaid(MANAGEMENT),
    }),
  };
};
