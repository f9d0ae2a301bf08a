import { unavailable } from '../../protocol/oauth-error.ts';
import type { S3Credentials } from './signature-v4.ts';

/**
 * Whatever identity surrounds the process, by the order of AWS's own SDK: variables, a profile, a web identity
 * file (EKS), the container's or the machine's role.
 *
 * @throws {OAuthError} `temporarily_unavailable` where there is none.
 */
export const ambientCredentials = (region: string): (() => Promise<S3Credentials>) => {
  let provider: (() => Promise<Identity>) | undefined;
  const load = async (): Promise<() => Promise<Identity>> => {
    const { S3Client } = await import('@aws-sdk/client-s3');
    return new S3Client({ region }).config.credentials;
  };
  return async () => {
    provider ??= await load();
    const found = await provider().catch((error: unknown) => {
      throw unavailable(`no AWS credentials around: ${(error as Error).name}`);
    });
    const { accessKeyId, secretAccessKey, sessionToken, expiration } = found;
    return {
      accessKeyId,
      secretAccessKey,
      ...(sessionToken === undefined ? {} : { sessionToken }),
      ...(expiration === undefined ? {} : { expiresAt: expiration }),
    };
  };
};

interface Identity {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  readonly expiration?: Date;
}
