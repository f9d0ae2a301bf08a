import type { IncomingMessage } from 'node:http';
import {
  type Configuration,
  errors,
  interactionPolicy,
  type KoaContextWithOIDC,
  type Provider,
} from 'oidc-provider';
import type { CurrentConfiguration } from '../broker/configuration.ts';
import type { RequestContext } from '../broker/context.ts';
import type { Limit } from '../broker/exchange/authority.ts';
import { grantIdOf } from '../broker/identifiers.ts';
import type { createAgree } from '../broker/sign-in/agree.ts';
import { type ShownApp, shownOf, willBeBound } from '../broker/sign-in/interaction.ts';
import type { KeptSignIn, KeptSignIns } from '../broker/sign-in/kept-sign-ins.ts';
import type { ReadIdToken } from '../identity/access-token.ts';
import {
  AGREEMENT,
  type Agreement,
  askedOf,
  asLibraryError,
  isSame,
  paramsOf,
  requestOf,
  resourceScopes,
  signInScopes,
  wasShown,
} from './authorization-request.ts';
import { appForClient } from './clients.ts';

export interface SignInPolicyDependencies {
  readonly configuration: CurrentConfiguration;
  readonly keptSignIns: KeptSignIns;
  readonly agree: ReturnType<typeof createAgree>;
  readonly contextOf: (request: IncomingMessage) => RequestContext;
  readonly now: () => Date;
  /** Whether an authorization, by our own id of it, was revoked. */
  readonly hasEnded: (grantId: string) => Promise<boolean>;
  /** Reads ID tokens of ours that clients hint with. */
  readonly readIdToken: ReadIdToken;
}

/** Who is signed in, as the library carries them along. */
interface Account {
  readonly accountId: string;
  readonly claims: () => { sub: string };
  readonly kept: KeptSignIn;
}

const { Check, Prompt } = interactionPolicy;

/**
 * When is somebody asked to sign in, or to agree? The library has its own reasons; ours use the ledger's clock, and
 * know of sign-ins that have ended.
 */
export const signInPolicy = (
  dependencies: Pick<SignInPolicyDependencies, 'now' | 'readIdToken'>,
): NonNullable<NonNullable<Configuration['interactions']>['policy']> => {
  const policy = interactionPolicy.base();
  policy.clear();
  policy.add(
    new Prompt(
      { name: 'login', requestable: true },
      new Check('no_session', 'nobody is signed in', 'login_required', (ctx) => !accountOf(ctx)),
      new Check('max_age', 'the sign-in is too long ago', 'login_required', (ctx) =>
        isTooLongAgo(ctx, dependencies.now()),
      ),
      new Check('acr', 'the sign-in was of another kind', 'login_required', isOfAnotherKind),
      new Check('id_token_hint', 'somebody else is signed in', 'login_required', (ctx) =>
        isSomebodyElse(ctx, dependencies),
      ),
    ),
  );
  policy.add(
    new Prompt(
      { name: 'consent', requestable: true },
      new Check(
        'not_agreed',
        'nobody has agreed yet',
        'consent_required',
        ({ oidc }) => agreementOf(oidc.entities.Grant) === undefined,
      ),
    ),
  );
  return policy;
};

const accountOf = ({ oidc }: KoaContextWithOIDC): Account | undefined =>
  oidc.account as unknown as Account | undefined;

const hasJustSignedIn = ({ oidc }: KoaContextWithOIDC): boolean => oidc.result?.login !== undefined;

const isTooLongAgo = (ctx: KoaContextWithOIDC, now: Date): boolean => {
  const maxAge = paramsOf(ctx).max_age;
  const signIn = accountOf(ctx)?.kept.signIn;
  if (maxAge === undefined || !signIn || hasJustSignedIn(ctx)) return false;
  const at = signIn.authenticatedAt ?? signIn.issuedAt;
  return now.getTime() / 1000 - at > Number(maxAge);
};

/** OpenID Connect Core §3.1.2.1 leaves `acr_values` to us: asked for once, and what came of it is in the ID token. */
const isOfAnotherKind = (ctx: KoaContextWithOIDC): boolean => {
  const wanted = paramsOf(ctx).acr_values;
  const kept = accountOf(ctx)?.kept;
  if (typeof wanted !== 'string' || !kept || hasJustSignedIn(ctx)) return false;
  return !wanted.split(' ').includes(kept.acr ?? '');
};

/**
 * OpenID Connect Core §3.1.2.1: answered for the person the client hinted at, or with an error. Read again from the
 * request, since the library forgets the hint while somebody signs in.
 *
 * @throws `login_required` where somebody else has just signed in: asking again would lead to them again.
 */
const isSomebodyElse = (
  ctx: KoaContextWithOIDC,
  { readIdToken }: Pick<SignInPolicyDependencies, 'readIdToken'>,
): boolean => {
  const hint = paramsOf(ctx).id_token_hint;
  const kept = accountOf(ctx)?.kept;
  if (typeof hint !== 'string' || !kept) return false;
  if (readIdToken(hint)?.sub === kept.signIn.userId) return false;
  if (hasJustSignedIn(ctx)) throw new errors.LoginRequired('somebody else signed in');
  return true;
};

export const agreementOf = (grant: unknown): Agreement | undefined => {
  const [first] = ((grant as { rar?: unknown[] } | undefined)?.rar ?? []) as Partial<Agreement>[];
  return first?.type === AGREEMENT ? (first as Agreement) : undefined;
};

/** Who is signed in. Nobody, where the sign-in has ended or was revoked: then they are asked to sign in again. */
export const findAccount =
  ({ keptSignIns }: SignInPolicyDependencies): NonNullable<Configuration['findAccount']> =>
  async (_ctx, accountId) => {
    const kept = await keptSignIns.find(accountId);
    if (!kept) return undefined;
    const account: Account = { accountId, claims: () => ({ sub: kept.signIn.userId }), kept };
    return account as never;
  };

/**
 * What has been agreed to already: just now, in this session before, or by the company for a trusted app. Each request
 * has a grant of its own, so that revoking one ends what came of that one.
 */
export const loadExistingGrant =
  (dependencies: SignInPolicyDependencies): NonNullable<Configuration['loadExistingGrant']> =>
  async (ctx) => {
    const { oidc } = ctx;
    const { provider, result, session, client } = oidc;
    const account = accountOf(ctx);
    if (!account || !client || !session) return undefined;
    const agreedNow = result?.consent?.grantId;
    if (agreedNow !== undefined) return provider.Grant.find(agreedNow);
    if (isAnybodys(ctx)) return undefined;
    // Whatever was agreed to before is asked again where the client wants that.
    if (oidc.promptPending('login') || oidc.promptPending('consent')) return undefined;
    const agreed =
      (await agreedBefore(dependencies, ctx)) ??
      (await agreedByTheCompany(dependencies, ctx, account.kept));
    return (
      agreed &&
      saveGrant(provider, account.accountId, client.clientId, {
        ...agreed,
        params: paramsOf(ctx),
        at: dependencies.now(),
      })
    );
  };

/**
 * RFC 8252 §8.6: whoever listens on loopback, or has claimed a scheme, may be another program than the
 * one that was agreed to. So the person is asked each time, whatever was agreed to before and by whom.
 */
const isAnybodys = (ctx: KoaContextWithOIDC): boolean =>
  ctx.oidc.client?.applicationType === 'native' && !isItsOwnPlace(ctx);

/** TLS says whose place it is, and nobody else can receive there. */
const isItsOwnPlace = (ctx: KoaContextWithOIDC): boolean =>
  String(paramsOf(ctx).redirect_uri).startsWith('https:');

/**
 * A page under development, on loopback: any program that gets the port would get its codes (RFC 6749 §10.2: repeated
 * without asking only where the client is known to be the same). A code tied to a key is of use to its holder alone.
 */
const mustBeSameKey = (ctx: KoaContextWithOIDC): boolean =>
  ctx.oidc.client?.clientAuthMethod === 'none' && !isItsOwnPlace(ctx);

const isSameKey = (ctx: KoaContextWithOIDC, { jkt }: Agreement): boolean =>
  jkt !== undefined && jkt === paramsOf(ctx).dpop_jkt;

/**
 * The same request of the same app: one that has another owner or purpose by now, or whose answer goes elsewhere, is
 * another to whoever agreed. And whoever revoked what came of it last time does not want it again unasked.
 */
const agreedBefore = async (
  { configuration, hasEnded }: SignInPolicyDependencies,
  ctx: KoaContextWithOIDC,
): Promise<Agreed | undefined> => {
  const { provider, session, client } = ctx.oidc;
  const id = client && session?.grantIdFor(client.clientId);
  if (id === undefined) return undefined;
  const agreement = agreementOf(await provider.Grant.find(id));
  const params = paramsOf(ctx);
  if (!agreement || !isSame(agreement.request, requestOf(params))) return undefined;
  const app = appForClient(configuration, client?.clientId ?? '');
  const shown = app && shownOf(app, params.redirect_uri);
  if (!shown || !wasShown(agreement, shown)) return undefined;
  if (mustBeSameKey(ctx) && !isSameKey(ctx, agreement)) return undefined;
  return (await hasEnded(grantIdOf(id))) ? undefined : { limit: agreement.limit, shown };
};

const agreedByTheCompany = async (
  { configuration, agree, contextOf }: SignInPolicyDependencies,
  ctx: KoaContextWithOIDC,
  { signIn }: KeptSignIn,
): Promise<Agreed | undefined> => {
  if (mustBeSameKey(ctx)) return undefined;
  const params = paramsOf(ctx);
  const app = appForClient(configuration, ctx.oidc.client?.clientId ?? '', signIn.tenant);
  if (!app?.trusted) return undefined;
  try {
    const asked = askedOf(requestOf(params));
    const bound = willBeBound(app, params.dpop_jkt);
    const agreeable = await agree({ app, signIn, asked, bound, context: contextOf(ctx.req) });
    return { limit: agreeable.limit };
  } catch (error) {
    throw asLibraryError(error);
  }
};

interface Agreed {
  readonly limit: Limit;
  /** Where a person agreed. */
  readonly shown?: ShownApp;
}

interface Grant extends Agreed {
  readonly params: Readonly<Record<string, unknown>>;
  readonly at: Date;
}

/** As the library wants it: scopes that it finds again in the request, and the agreement beside them. */
export const saveGrant = async (
  provider: Provider,
  accountId: string,
  clientId: string,
  { params, limit, shown, at }: Grant,
): Promise<InstanceType<Provider['Grant']>> => {
  const grant = new provider.Grant({ accountId, clientId });
  const ofSignIn = signInScopes(params);
  if (ofSignIn.length > 0) grant.addOIDCScope(ofSignIn.join(' '));
  const scopes = resourceScopes(params);
  for (const resource of [params.resource].flat()) {
    if (typeof resource === 'string' && scopes.length > 0) {
      grant.addResourceScope(resource, scopes.join(' '));
    }
  }
  const agreement: Agreement = {
    type: AGREEMENT,
    request: requestOf(params),
    limit,
    ...(shown && { shown }),
    at: Math.floor(at.getTime() / 1000),
    ...(typeof params.dpop_jkt === 'string' && { jkt: params.dpop_jkt }),
  };
  Object.assign(grant, { rar: [agreement] });
  await grant.save();
  return grant;
};
