import type { App } from '../../config/deployment.ts';
import type { Tokens } from '../../ledger/ledger.ts';
import type { FoundRefreshToken, RefreshTokens } from '../../ledger/refresh-tokens.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import { opaqueKind, tokenDigest } from '../../protocol/opaque-token.ts';
import type { CurrentConfiguration } from '../configuration.ts';
import type { RequestContext } from '../context.ts';
import { fromAuthorization } from '../exchange/authority.ts';
import type { Introspect, Introspection } from '../introspection/introspect.ts';
import type { RevokeOwn } from '../revocation/revoke-own.ts';
import type { EndGrant } from './end-grant.ts';
import { mayRefresh } from './redeem.ts';

export interface RefreshStatusDependencies {
  readonly configuration: CurrentConfiguration;
  readonly refreshTokens: Pick<RefreshTokens, 'find'>;
  readonly tokens: Pick<Tokens, 'recheck'>;
  readonly endGrant: EndGrant;
  readonly issuer: string;
  readonly now: () => Date;
  /** For access tokens. */
  readonly introspect: Introspect;
  readonly revokeOwn: RevokeOwn;
}

/** Is this token good, and may it go? Of a refresh token, which is its app's own business and nobody else's. */
export const createTokenStatuses = (dependencies: RefreshStatusDependencies) => {
  const { configuration, refreshTokens, tokens, endGrant, issuer, now } = dependencies;

  const find = (value: string): Promise<FoundRefreshToken | undefined> =>
    refreshTokens.find(tokenDigest(value));

  /** RFC 7662 §2.2 */
  const introspectRefresh = async (value: string, caller: App): Promise<Introspection> => {
    const found = await find(value);
    const hasThem = await isOfUse(configuration, caller);
    if (!found || !hasThem || !isGood(found, caller, now())) return { active: false };
    const { family } = found;
    const { lineage, authorities } = authorityOf(found);
    if (await isEnded(tokens, { keys: lineage, authorities })) return { active: false };
    return {
      active: true,
      iss: issuer,
      client_id: family.appId,
      sub: family.userId,
      scope: family.authorization.limit.scopes.join(' '),
      aud: family.authorization.limit.resource,
      exp: Math.floor(family.expiresAt.getTime() / 1000),
      tenant: family.tenantId,
      ...(family.thumbprint !== undefined && { cnf: { jkt: family.thumbprint } }),
    };
  };

  /** RFC 7009 §2.1: with a refresh token goes all that came of the authorization. */
  const revokeRefresh = async (
    value: string,
    client: App,
    { ip, traceId, requestId }: RequestContext,
  ): Promise<void> => {
    const family = (await find(value))?.family;
    if (!family || family.expiresAt <= now()) return;
    if (family.appId !== client.id) throw anothers();
    const { tenantId, userId } = family;
    const known = { tenantId, userId, appId: client.id, ip, traceId, requestId };
    await endGrant(`grant:${family.grantId}`, 'given back by its client', known);
  };

  const introspect: Introspect = (value, caller, context) =>
    opaqueKind(value) === 'rt'
      ? introspectRefresh(value, caller)
      : dependencies.introspect(value, caller, context);
  const revokeOwn: RevokeOwn = (value, client, context) =>
    opaqueKind(value) === 'rt'
      ? revokeRefresh(value, client, context)
      : dependencies.revokeOwn(value, client, context);
  return { introspect, revokeOwn };
};

const isGood = ({ family, usedAt }: FoundRefreshToken, caller: App, now: Date): boolean =>
  family.appId === caller.id && usedAt === undefined && family.expiresAt > now;

/** Under the configuration in force, never under a copy that lags. */
const isOfUse = async (configuration: CurrentConfiguration, { id }: App): Promise<boolean> => {
  const app = (await configuration.refresh()).index.app(id);
  return app?.enabled === true && mayRefresh(app);
};

const authorityOf = ({ family }: FoundRefreshToken) =>
  fromAuthorization({ ...family.authorization, ...family });

const isEnded = async (
  tokens: Pick<Tokens, 'recheck'>,
  holder: Parameters<Tokens['recheck']>[0],
): Promise<boolean> => (await tokens.recheck(holder)) !== undefined;

const anothers = (): OAuthError =>
  new OAuthError('invalid_grant', 'the token was issued to another client', {
    detail: 'refresh token of another client',
    violations: [
      {
        field: 'token',
        rule: 'own_token',
        message: 'a client revokes what was issued to it, and nothing else',
        remedy: 'revoke it as the client it was issued to, or ask the security desk',
      },
    ],
  });
