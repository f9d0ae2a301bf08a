import type { Lender } from '../cloud-credentials.ts';
import { sessionPolicy } from './session-policy.ts';
import type { TokenService } from './token-service.ts';

export interface LendingOptions {
  readonly bucket: string;
  readonly region: string;
  readonly endpoint?: string;
  readonly pathStyle: boolean;
  /** The role whose sessions are lent; each is limited further by a policy of its own. */
  readonly roleArn: string;
  readonly tokenService: TokenService;
}

/** Sessions of a role, each for one prefix. */
export const createLender = (options: LendingOptions): Lender => {
  const { bucket, region, endpoint, pathStyle, roleArn, tokenService } = options;
  return {
    prepareCredentials: (grant) => {
      const policy = sessionPolicy(grant, options);
      return {
        issue: async (now) => {
          const duration = Math.ceil((grant.expiresAt.getTime() - now.getTime()) / 1000);
          const session = await tokenService.assume({
            arn: roleArn,
            sessionName: grant.sessionName,
            duration,
            policy,
          });
          return {
            provider: 's3',
            bucket,
            region,
            ...(endpoint === undefined ? {} : { endpoint }),
            pathStyle,
            accessKeyId: session.accessKeyId,
            secretAccessKey: session.secretAccessKey,
            sessionToken: session.sessionToken ?? '',
          };
        },
      };
    },
  };
};
