import { isPublicType } from '../../config/app-type.ts';
import type { App } from '../../config/deployment.ts';
import { expiryOf } from '../../config/expiry.ts';
import type { AppSessions } from '../../ledger/app-sessions.ts';
import type { Authorization, SeenProof } from '../../ledger/records.ts';
import type { RefreshTokens } from '../../ledger/refresh-tokens.ts';
import { mintOpaqueToken, tokenDigest } from '../../protocol/opaque-token.ts';
import type { RequestContext } from '../context.ts';
import { ADMIN_CLIENT, opensOnce } from '../exchange/admin-client.ts';
import type { Credential } from '../exchange/answer.ts';
import type { Asked } from '../exchange/asked.ts';
import { fromAuthorization } from '../exchange/authority.ts';
import type { createExchange } from '../exchange/exchange.ts';
import { deviceIdOf, grantIdOf, newRefreshFamilyId } from '../identifiers.ts';
import { beginAppSession } from './app-session.ts';
import type { createIdToken } from './id-token.ts';

export interface RedeemDependencies {
  readonly exchange: ReturnType<typeof createExchange>;
  readonly refreshTokens: Pick<RefreshTokens, 'begin'>;
  readonly appSessions: Pick<AppSessions, 'begin'>;
  readonly idToken: ReturnType<typeof createIdToken>;
  readonly now: () => Date;
}

/** A code that is good, and whoever brings it. */
export interface Redemption {
  readonly app: App;
  readonly grantId: string;
  readonly authorization: Authorization;
  /** What is remembered of the code: it is used up where something is issued for it. */
  readonly code: SeenProof;
  readonly jkt: string | undefined;
  readonly proofs: readonly SeenProof[];
  /** Less than was agreed to, where the client wants less. */
  readonly asked: Asked;
  readonly context: RequestContext;
}

/** What an app gets after somebody signed in. */
export interface SignedInCredential extends Credential {
  readonly refreshToken: string | undefined;
  readonly idToken: string | undefined;
}

/**
 * Gives for an authorization what any exchange gives, by the same path; and with it an ID token and the first
 * refresh token, where the app may have them.
 */
export const createRedeem =
  (dependencies: RedeemDependencies) =>
  async (redemption: Redemption): Promise<SignedInCredential> => {
    const { app, grantId, authorization, code, jkt, proofs, asked, context } = redemption;
    const { signIn } = authorization;
    const authority = {
      ...fromAuthorization({
        ...authorization,
        grantId,
        appId: app.id,
        expiresAt: new Date(signIn.expiresAt * 1000),
        thumbprint: jkt,
      }),
      // By the statement that issues, and by nothing else: what is refused for its scope may be asked for again.
      seen: [code, ...(app.id === ADMIN_CLIENT ? [opensOnce(signIn)] : [])],
    };
    const exchange = { door: 'token' as const, app, authority, jkt, proofs, asked, context };
    await beginAppSession(dependencies.appSessions, app, authorization);
    const credential = await dependencies.exchange(exchange);
    const refreshToken = await beginFamily(dependencies, redemption);
    const { accessToken } = credential;
    const idToken = authorization.openid
      ? await dependencies.idToken(app, authorization, {
          accessToken,
          sid: grantIdOf(signIn.tokenHash),
        })
      : undefined;
    return { ...credential, refreshToken, idToken };
  };

/** A page keeps no long-lived secret: whoever gets into it once would have it for good. */
export const mayRefresh = (app: App): app is App & { refresh: Exclude<App['refresh'], false> } =>
  app.type !== 'browser' && app.refresh !== false;

/** Undefined for an app without them. */
const beginFamily = async (
  { refreshTokens, now }: RedeemDependencies,
  { app, grantId, authorization, jkt }: Redemption,
): Promise<string | undefined> => {
  if (!mayRefresh(app)) return undefined;
  const createdAt = now();
  const { signIn, authorizedAt } = authorization;
  // RFC 9449 §5: a confidential client proves itself by authenticating, and may change its key.
  const thumbprint = isPublicType(app.type) ? jkt : undefined;
  const end = Math.min(authorizedAt + app.refresh.max_age, expiryOf(app));
  const expiresAt = new Date(end * 1000);
  const { lineage } = fromAuthorization({
    ...authorization,
    grantId,
    appId: app.id,
    expiresAt,
    thumbprint,
  });
  const token = mintOpaqueToken('rt');
  await refreshTokens.begin(
    {
      familyId: newRefreshFamilyId(createdAt),
      grantId,
      tenantId: signIn.tenant,
      appId: app.id,
      issuerId: signIn.issuerId,
      userId: signIn.userId,
      thumbprint,
      lineage: [
        ...lineage,
        `app:${app.id}`,
        ...(thumbprint === undefined ? [] : [`device:${deviceIdOf(thumbprint)}` as const]),
      ],
      authorization,
      createdAt,
      expiresAt,
    },
    { hash: tokenDigest(token), issuedAt: createdAt },
  );
  return token;
};
