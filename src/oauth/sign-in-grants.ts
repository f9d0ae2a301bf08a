import type { Provider, TokenEndpointGrantContext } from 'oidc-provider';
import type { Asked } from '../broker/exchange/asked.ts';
import type { Proven } from '../broker/exchange/prove.ts';
import { isReplayedCode } from '../broker/exchange/refused.ts';
import { grantIdOf } from '../broker/identifiers.ts';
import { forApp } from '../broker/sign-in/agree.ts';
import type { EndGrant } from '../broker/sign-in/end-grant.ts';
import type { KeptSignIns } from '../broker/sign-in/kept-sign-ins.ts';
import type { createRedeem, SignedInCredential } from '../broker/sign-in/redeem.ts';
import type { createRefresh } from '../broker/sign-in/refresh.ts';
import type { App } from '../config/deployment.ts';
import { OAuthError } from '../protocol/oauth-error.ts';
import { createFindCode, notGood } from './authorization-code.ts';
import { askedOf, requestOf } from './authorization-request.ts';
import { appForClient } from './clients.ts';
import type { GrantDependencies } from './grants.ts';
import { proofOf, soundParams, toResponse } from './grants.ts';

export interface SignInGrantDependencies extends GrantDependencies {
  readonly keptSignIns: KeptSignIns;
  readonly redeem: ReturnType<typeof createRedeem>;
  readonly refresh: ReturnType<typeof createRefresh>;
  readonly endGrant: EndGrant;
  readonly now: () => Date;
}

const AUTHORIZATION_CODE = 'authorization_code';
const REFRESH_TOKEN = 'refresh_token';

const NARROWED = ['scope', 'resource', 'authorization_details'];

/** The grants that begin with somebody signing in, inside the library's token endpoint, in place of its own. */
export const registerSignInGrants = (
  provider: Provider,
  dependencies: SignInGrantDependencies,
): void => {
  const { configuration, prover, contextOf, redeem, refresh, endGrant, now } = dependencies;
  const findCode = createFindCode(provider, dependencies);

  const appIn = (clientId: string, tenant: string): App => {
    const app = appForClient(configuration, clientId, tenant);
    if (app) return app;
    throw new OAuthError('invalid_client', 'client authentication failed', {
      detail: 'the app is gone',
    });
  };

  /** RFC 6749 §4.1.3 */
  const authorizationCode = async (ctx: TokenEndpointGrantContext): Promise<void> => {
    const params = soundParams(ctx);
    const { clientId } = ctx.oidc.client;
    const found = await findCode({
      code: textOf(params.code, 'code'),
      clientId,
      redirectUri: params.redirect_uri,
      verifier: params.code_verifier,
    });
    const { signIn } = found.authorization;
    const app = appIn(clientId, signIn.tenant);
    const { jkt, proofs } = provenBy(prover, app, ctx);
    // RFC 9449 §10: whoever stole the code has another key.
    if (found.jkt !== undefined && found.jkt !== jkt) throw notGood('another key than dpop_jkt');
    const grantId = grantIdOf(found.grantId);
    const context = contextOf(ctx.req);
    const seen = { kind: 'code', id: found.replayId, keepUntil: later(found.expiresAt) } as const;
    try {
      const credential = await redeem({
        app,
        grantId,
        authorization: {
          ...found.authorization,
          signIn: forApp(signIn, app, configuration.get().deployment),
        },
        jkt,
        code: seen,
        proofs,
        asked: narrowed(params),
        context,
      });
      ctx.body = toSignedInResponse(credential, found.authorization.openid);
    } catch (error) {
      if (isReplayedCode(error)) {
        const { ip, traceId, requestId } = context;
        const known = { tenantId: signIn.tenant, userId: signIn.userId, appId: app.id };
        // RFC 6749 §4.1.2: what came of the first use may be in the wrong hands.
        await endGrant(`grant:${grantId}`, 'an authorization code was used twice', {
          ...known,
          ...{ ip, traceId, requestId },
        });
      }
      throw asGrantError(error);
    }
  };

  /** RFC 6749 §6 */
  const refreshToken = async (ctx: TokenEndpointGrantContext): Promise<void> => {
    const cameAt = now();
    const params = soundParams(ctx);
    const app = appIn(ctx.oidc.client.clientId, '');
    const { jkt, proofs } = provenBy(prover, app, ctx);
    try {
      const credential = await refresh({
        app,
        refreshToken: textOf(params.refresh_token, 'refresh_token'),
        jkt,
        proofs,
        asked: narrowed(params),
        context: contextOf(ctx.req),
        cameAt,
      });
      ctx.body = toSignedInResponse(credential, credential.idToken !== undefined);
    } catch (error) {
      throw asGrantError(error);
    }
  };

  const code = ['code', 'redirect_uri', 'code_verifier', ...NARROWED];
  provider.registerGrantType(AUTHORIZATION_CODE, authorizationCode, code, ['resource']);
  const token = ['refresh_token', ...NARROWED];
  provider.registerGrantType(REFRESH_TOKEN, refreshToken, token, ['resource']);
};

const provenBy = (
  prover: GrantDependencies['prover'],
  app: App,
  ctx: TokenEndpointGrantContext,
): Pick<Proven, 'jkt' | 'proofs'> => prover.proveClient(app, proofOf(ctx));

/** Less than was agreed to: all of it, where nothing is said. */
const narrowed = (params: Readonly<Record<string, unknown>>): Asked => askedOf(requestOf(params));

/** How long a second use is told from a code that never was: as long as clocks may differ. */
const later = (expiresAt: Date): Date => new Date(expiresAt.getTime() + 60_000);

/** RFC 6749 §5.2: what an authorization is not good for any more, it is not good for: `invalid_grant`. */
const asGrantError = (error: unknown): unknown => {
  if (!(error instanceof OAuthError)) return error;
  const { code, message, detail, violations, cause } = error;
  const isOfGrant =
    code === 'invalid_token' ||
    (code === 'access_denied' && violations.some(({ field }) => field === 'app_id'));
  if (!isOfGrant) return error;
  return new OAuthError('invalid_grant', code === 'invalid_token' ? ENDED : message, {
    violations: code === 'invalid_token' ? [NOT_ANY_MORE] : violations,
    cause,
    ...(detail !== undefined && { detail }),
  });
};

const ENDED = 'the authorization is not good any more';
const NOT_ANY_MORE = {
  field: 'grant_type',
  rule: 'ended',
  message: 'it was revoked, or the sign-in behind it has ended',
  remedy: 'send the person to /authorize again',
};

const textOf = (value: unknown, name: string): string => {
  if (typeof value === 'string' && value !== '') return value;
  throw new OAuthError('invalid_request', `${name} is missing`, {
    violations: [
      {
        field: name,
        rule: 'required',
        message: `${name} is missing`,
        remedy: `send ${name}, once`,
      },
    ],
  });
};

/** RFC 6749 §5.1, OpenID Connect Core §3.1.3.3 */
const toSignedInResponse = (credential: SignedInCredential, openid: boolean): object => {
  const { scopes, refreshToken, idToken } = credential;
  const all = openid ? [...new Set(['openid', ...scopes])] : scopes;
  return {
    ...toResponse({ ...credential, scopes: all }),
    ...(refreshToken !== undefined && { refresh_token: refreshToken }),
    ...(idToken !== undefined && { id_token: idToken }),
  };
};
