import { isPublicType } from '../../config/app-type.ts';
import type { App } from '../../config/deployment.ts';
import type { SeenProof } from '../../ledger/records.ts';
import type {
  FoundRefreshToken,
  RefreshFamily,
  RefreshTokens,
} from '../../ledger/refresh-tokens.ts';
import { OAuthError, unavailable } from '../../protocol/oauth-error.ts';
import { deriveOpaqueToken, opaqueKind, tokenDigest } from '../../protocol/opaque-token.ts';
import { isFapi2 } from '../app-profile.ts';
import { type Audited, recordRefusal } from '../audited.ts';
import { type CurrentConfiguration, underConfiguration } from '../configuration.ts';
import type { RequestContext } from '../context.ts';
import type { Credential } from '../exchange/answer.ts';
import type { Asked } from '../exchange/asked.ts';
import { fromAuthorization } from '../exchange/authority.ts';
import type { createExchange } from '../exchange/exchange.ts';
import { grantIdOf } from '../identifiers.ts';
import type { EndGrant } from './end-grant.ts';
import type { createIdToken } from './id-token.ts';
import { mayRefresh, type SignedInCredential } from './redeem.ts';

export interface RefreshDependencies extends Audited {
  readonly exchange: ReturnType<typeof createExchange>;
  readonly configuration: CurrentConfiguration;
  readonly refreshTokens: RefreshTokens;
  readonly idToken: ReturnType<typeof createIdToken>;
  readonly endGrant: EndGrant;
  /** The first derives successors; each may have derived one that is asked for again. */
  readonly secrets: readonly [Buffer, ...Buffer[]];
}

export interface Refresh {
  /** It has authenticated, or is public and says that it is this one. */
  readonly app: App;
  readonly refreshToken: string;
  readonly jkt: string | undefined;
  readonly proofs: readonly SeenProof[];
  readonly asked: Asked;
  readonly context: RequestContext;
  /** When the request came in: how long it was under way here since says nothing of its sender. */
  readonly cameAt: Date;
}

/**
 * Milliseconds after its use within which a token that comes in is taken once more from whoever must have used it: the
 * answer may have been lost (docs/adr/0011). Before that the first answer is still on its way.
 */
const RETRY = { from: 2_000, until: 10_000 };

/**
 * RFC 6749 §6, RFC 9700 §4.14: a new access token for a refresh token, which is good for that once.
 *
 * @throws {OAuthError} `invalid_grant` for whatever is wrong with the token, `invalid_dpop_proof` where its key was not
 *   proven, or what any exchange is refused for.
 */
export const createRefresh =
  (dependencies: RefreshDependencies) =>
  async (refresh: Refresh): Promise<SignedInCredential> => {
    const found = await findFor(dependencies, refresh);
    const { family } = found;
    const successor = await takeTurn(dependencies, refresh, found);
    const credential = await issue(dependencies, refresh, family).catch(async (error: unknown) => {
      // Nothing was issued: the token is as good as it was.
      if (successor.isNew) await putBack(dependencies, refresh, successor.token);
      throw error;
    });
    const { authorization } = family;
    const idToken = authorization.openid
      ? await dependencies.idToken(
          refresh.app,
          { ...authorization, nonce: undefined },
          {
            accessToken: credential.accessToken,
            sid: grantIdOf(authorization.signIn.tokenHash),
          },
        )
      : undefined;
    return { ...credential, refreshToken: successor.token, idToken };
  };

/** The token as it was issued: to this app, tied to this key, and not at its end. */
const findFor = async (
  { refreshTokens, configuration, now }: RefreshDependencies,
  { app, refreshToken, jkt }: Refresh,
): Promise<FoundRefreshToken> => {
  if (opaqueKind(refreshToken) !== 'rt') throw notGood('not a refresh token');
  const found = await refreshTokens.find(tokenDigest(refreshToken));
  if (!found) throw notGood('unknown');
  const { appId, expiresAt, thumbprint } = found.family;
  if (appId !== app.id) throw notGood('of another app');
  if (expiresAt <= now()) throw notGood('expired');
  // Refused under the configuration in force, never under a copy that lags.
  await underConfiguration(configuration, ({ index }) => mustHaveThem(index.app(app.id)));
  if (thumbprint !== undefined && jkt === undefined) throw keyless();
  if (thumbprint !== undefined && jkt !== thumbprint) throw notGood('another key');
  return found;
};

const mustHaveThem = (app: App | undefined): App => {
  if (app && mayRefresh(app)) return app;
  throw notGood('the app has none any more');
};

interface Successor {
  readonly token: string;
  /** Whether this request is the one that used the token. */
  readonly isNew: boolean;
}

/** The token's one use, or the same answer again to whoever lost it. */
const takeTurn = async (
  dependencies: RefreshDependencies,
  refresh: Refresh,
  found: FoundRefreshToken,
): Promise<Successor> => {
  const { refreshTokens, secrets, now } = dependencies;
  const { refreshToken } = refresh;
  const used = tokenDigest(refreshToken);
  // FAPI 2.0 §5.3.2.1-9: not rotated. Its client authenticates by a key each time, which no thief of the token has.
  if (found.usedAt === undefined && isFapi2(refresh.app))
    return { token: refreshToken, isNew: false };
  if (found.usedAt === undefined) {
    const token = deriveOpaqueToken('rt', secrets[0], refreshToken);
    if (await refreshTokens.rotate(used, tokenDigest(token), now())) return { token, isNew: true };
  }
  const current = found.usedAt ? found : await refreshTokens.find(used);
  if (current?.usedAt === undefined) throw unavailable('refresh token in use');
  return { token: await repeat(dependencies, refresh, current), isNew: false };
};

/** What was used before: an answer that was lost, a request that overtook itself, or a thief. Leans to the thief. */
const repeat = async (
  dependencies: RefreshDependencies,
  refresh: Refresh,
  { family, usedAt, successor, successorUsed }: FoundRefreshToken,
): Promise<string> => {
  const { secrets } = dependencies;
  const age = refresh.cameAt.getTime() - (usedAt?.getTime() ?? 0);
  const isSameHolder = !isPublicType(refresh.app.type) || family.thumbprint !== undefined;
  if (isSameHolder && !successorUsed && age < RETRY.until) {
    if (age < RETRY.from) throw unavailable('refresh token in use');
    const token = secrets
      .map((secret) => deriveOpaqueToken('rt', secret, refresh.refreshToken))
      .find((candidate) => successor && tokenDigest(candidate).equals(successor));
    if (token !== undefined) return token;
  }
  await endFamily(dependencies, refresh, family);
  throw notGood('used before');
};

/** RFC 9700 §4.14.2: who of the two is the thief cannot be told, so nobody has anything of it any more. */
const endFamily = async (
  { endGrant, audit, now }: RefreshDependencies,
  { app, context }: Refresh,
  { grantId, tenantId, userId }: RefreshFamily,
): Promise<void> => {
  const { ip, traceId, requestId } = context;
  const known = { tenantId, userId, appId: app.id, ip, traceId, requestId };
  await endGrant(`grant:${grantId}`, 'a refresh token was used twice', known);
  await recordRefusal({ audit, now }, notGood('used before'), { ...known, action: 'token.issue' });
};

const issue = (
  { exchange }: RefreshDependencies,
  { app, jkt, proofs, asked, context }: Refresh,
  { authorization, grantId, expiresAt, thumbprint }: RefreshFamily,
): Promise<Credential> => {
  const authority = fromAuthorization({
    ...authorization,
    grantId,
    appId: app.id,
    expiresAt,
    thumbprint,
  });
  return exchange({
    ...{ door: 'token', app, authority, jkt, proofs, asked, context },
    mustBe: (current) => void mustHaveThem(current),
  });
};

const putBack = (
  { refreshTokens }: RefreshDependencies,
  { refreshToken }: Refresh,
  successor: string,
): Promise<void> =>
  refreshTokens
    .restore(tokenDigest(refreshToken), tokenDigest(successor))
    // A retry within seconds has the same successor all the same.
    .catch(() => undefined);

/** RFC 6749 §5.2. Reads alike whatever was wrong: it may be somebody else's. */
const notGood = (detail: string): OAuthError =>
  new OAuthError('invalid_grant', 'the refresh token is not good, or not good any more', {
    detail: `refresh token: ${detail}`,
    violations: [
      {
        field: 'refresh_token',
        rule: 'not_acceptable',
        message: 'it is not valid, not valid any more, was used before, or is not for this client',
        remedy: 'send the person to /authorize again',
      },
    ],
  });

const keyless = (): OAuthError =>
  new OAuthError('invalid_dpop_proof', 'the refresh token is bound to a key', {
    violations: [
      {
        field: 'DPoP',
        rule: 'required',
        message: 'the request has no DPoP proof',
        remedy: 'send a DPoP header (RFC 9449) under the key the token was issued to',
      },
    ],
  });
