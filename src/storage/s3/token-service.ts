import type { Credentials, STSClient } from '@aws-sdk/client-sts';
import { OAuthError, unavailable } from '../../protocol/oauth-error.ts';
import { tooLong } from './session-policy.ts';
import type { S3Credentials } from './signature-v4.ts';

/** Who asks for a session: a key of our own, or an identity that Daypass itself vouches for. */
export type Asker =
  | { readonly credentials: () => S3Credentials | Promise<S3Credentials> }
  /** A JWT for the audience of the token service, made anew for each session. */
  | { readonly webIdentity: () => Promise<string> };

/** Where a token service answers. */
export interface TokenServicePlace {
  readonly region: string;
  /** Of the S3-compatible server, which answers for its token service too; absent means AWS. */
  readonly endpoint?: string | undefined;
}

export interface TokenServiceOptions extends TokenServicePlace {
  readonly asker: Asker;
}

export interface Role {
  readonly arn: string;
  readonly sessionName: string;
  /** Seconds; STS takes 900 at least. */
  readonly duration: number;
  /** Only what it allows, of what the role may. */
  readonly policy?: string;
}

/** AWS's token service (STS), and others' that speak as it does. */
export interface TokenService {
  /**
   * @throws {OAuthError} `invalid_request` where the policy is too large for it once it has packed it, which nobody can
   *   tell before; `temporarily_unavailable` where no session is given for any other reason.
   */
  assume(role: Role): Promise<S3Credentials>;
}

type Sdk = typeof import('@aws-sdk/client-sts');

const SHORTEST = 900;
/** As AWS's SDK calls it, and by its code, as where others answer with it. */
const TOO_LARGE = /^PackedPolicyTooLarge/;
const ATTEMPTS = 2;
const CONNECT_MS = 2_000;
const IDLE_MS = 10_000;

/** The URL to ask at. */
export const tokenServiceAt = ({ region, endpoint }: TokenServicePlace): string =>
  endpoint ?? `https://sts.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`;

export const createTokenService = (options: TokenServiceOptions): TokenService => {
  const { asker } = options;
  let loaded: Promise<{ sdk: Sdk; client: STSClient }> | undefined;

  const load = async (): Promise<{ sdk: Sdk; client: STSClient }> => {
    const sdk = await import('@aws-sdk/client-sts');
    const client = new sdk.STSClient({
      region: options.region,
      // Always said: no variable and no profile sends our assertions elsewhere.
      endpoint: tokenServiceAt(options),
      credentials: async () => ({
        // A web identity is its own proof: that call is not signed, and nothing around is used for it.
        ...('credentials' in asker
          ? await asker.credentials()
          : { accessKeyId: '', secretAccessKey: '' }),
        expiration: new Date(0),
      }),
      maxAttempts: ATTEMPTS,
      requestHandler: { connectionTimeout: CONNECT_MS, socketTimeout: IDLE_MS },
    });
    return { sdk, client };
  };

  const ask = async (role: Role): Promise<Credentials | undefined> => {
    loaded ??= load();
    const { sdk, client } = await loaded;
    const common = {
      RoleArn: role.arn,
      RoleSessionName: role.sessionName,
      DurationSeconds: Math.max(SHORTEST, role.duration),
      ...(role.policy === undefined ? {} : { Policy: role.policy }),
    };
    if ('credentials' in asker)
      return (await client.send(new sdk.AssumeRoleCommand(common))).Credentials;
    const WebIdentityToken = await asker.webIdentity();
    const command = new sdk.AssumeRoleWithWebIdentityCommand({ ...common, WebIdentityToken });
    return (await client.send(command)).Credentials;
  };

  return {
    assume: async (role) => {
      const given = await ask(role).catch((error: unknown) => {
        if (error instanceof OAuthError) throw error;
        if (TOO_LARGE.test((error as Error).name)) throw tooLong();
        // Its name is enough for the log: a message may quote the assertion.
        throw unavailable(`no session of ${role.arn}: ${(error as Error).name}`);
      });
      const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = given ?? {};
      if (!AccessKeyId || !SecretAccessKey || !SessionToken || !Expiration)
        throw unavailable(`no session of ${role.arn}: the answer is bare`);
      return {
        accessKeyId: AccessKeyId,
        secretAccessKey: SecretAccessKey,
        sessionToken: SessionToken,
        expiresAt: Expiration,
      };
    },
  };
};
