import { z } from 'zod';
import type { CurrentConfiguration } from '../../broker/configuration.ts';
import type { RequestContext } from '../../broker/context.ts';
import { userinfoOf } from '../../broker/exchange/target.ts';
import { mustComeFromItsOrigin } from '../../broker/origin.ts';
import { isIssuerTrusted } from '../../broker/use.ts';
import { hasExpired } from '../../config/expiry.ts';
import type { TokenRecord } from '../../ledger/records.ts';
import { OAuthError, unproven } from '../../protocol/oauth-error.ts';
import { NO_STORE, type Reply } from '../reply.ts';
import { type Route, route } from '../route.ts';

export interface UserinfoRoutes {
  readonly issuer: string;
  readonly configuration: CurrentConfiguration;
  readonly now: () => Date;
}

const claims = z.object({ sub: z.string(), tenant: z.string() });

/** Who signed in (OpenID Connect Core §5.3), for a token that was given for that and nothing else. */
export const userinfoRoutes = ({ issuer, configuration, now }: UserinfoRoutes): Route[] => {
  const answer = ({ token, context }: Asked): Reply => {
    const inForce = configuration.get();
    const app = inForce.index.app(token.appId);
    if (!app?.enabled || hasExpired(app, now())) throw unproven('the app of the token is gone');
    if (!isIssuerTrusted(token, inForce)) throw unproven('the issuer of the sign-in is gone');
    mustComeFromItsOrigin(app, context);
    if (token.resource !== userinfoOf(issuer) || token.userId === undefined) throw notForThis();
    return { status: 200, headers: NO_STORE, body: { sub: token.userId, tenant: token.tenantId } };
  };
  return (['GET', 'POST'] as const).map((method) =>
    route({
      method,
      path: '/userinfo',
      summary: 'Who signed in (OpenID Connect Core §5.3)',
      description:
        'For tokens of an authorization with the scope `openid` and no resource. The ID token says the same.',
      authentication: 'token',
      answer: { status: 200, schema: claims, description: 'Claims of the person' },
      handle: async (input) => answer(input),
    }),
  );
};

interface Asked {
  readonly token: TokenRecord;
  readonly context: RequestContext;
}

/** RFC 6750 §3.1 would have `insufficient_scope`; the token is for another place altogether. */
const notForThis = (): OAuthError =>
  new OAuthError('invalid_token', 'the token is for another resource', {
    detail: 'token for another resource at /userinfo',
    violations: [
      {
        field: 'Authorization',
        rule: 'resource',
        message: 'only a token that was given for a sign-in alone says who signed in',
        remedy: 'read the ID token, or ask for the scope openid without a resource',
      },
    ],
  });
