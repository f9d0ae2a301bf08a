import { type Configuration, errors, type KoaContextWithOIDC } from 'oidc-provider';
import type { Audited } from '../broker/audited.ts';
import type { Dpop } from '../identity/dpop.ts';
import { afterSignOut } from './after-sign-out.ts';
import {
  ALL_THERE_IS,
  asLibraryError,
  mustMeanSomething,
  paramsOf,
  resourceScopes,
  SIGN_IN_SCOPES,
} from './authorization-request.ts';
import { appForClient } from './clients.ts';
import { createKeyOfRequest } from './pushed-request.ts';
import { mustBeRequest } from './request-object.ts';
import {
  agreementOf,
  findAccount,
  loadExistingGrant,
  type SignInPolicyDependencies,
  signInPolicy,
} from './sign-in-policy.ts';

/** HTML, whole; and where its forms may lead besides here. */
export interface Shown {
  readonly content: string;
  readonly formTargets: readonly string[];
}

/** What the library shows where it has a page to show. */
export interface ProviderPages {
  /** @param form that logs out, from the library. @param to where the browser goes after it. */
  logout(form: string, to: string | undefined): Shown;
  loggedOut(): Shown;
}

export interface SignInConfigurationDependencies extends SignInPolicyDependencies, Audited {
  readonly issuer: string;
  readonly dpop: Dpop;
  readonly pages: ProviderPages;
  /** Ends what a sign-in led to. */
  readonly signOut: (signInId: string) => Promise<void>;
}

/** Seconds. RFC 6749 §4.1.2 asks for short, RFC 9700 for shorter: a client redeems it at once. */
const CODE = 60;
/** Seconds for which somebody may take their time to sign in. */
const INTERACTION = 600;
/** Seconds; a sign-in ends before it (`sign_in.session` is at most that). */
const LONGEST_SESSION = 7 * 24 * 60 * 60;

/** The part of the library's configuration that has people in it. */
export const signInConfiguration = (dependencies: SignInConfigurationDependencies) => {
  const { issuer } = dependencies;
  return {
    responseTypes: ['code'],
    scopes: [...SIGN_IN_SCOPES],
    claims: { openid: ['sub'] },
    routes: {
      authorization: '/authorize',
      pushed_authorization_request: '/par',
      end_session: '/session/end',
    },
    cookies: cookies(issuer),
    ttl: {
      AuthorizationCode: CODE,
      Interaction: INTERACTION,
      Session: LONGEST_SESSION,
      Grant: LONGEST_SESSION,
      IdToken: 300,
      AccessToken: 60,
    },
    pkce: { required: () => true },
    allowOmittingSingleRegisteredRedirectUri: false,
    acrValues: [],
    // What a sign-in led to ends with it by a revocation, which holds everywhere.
    expiresWithSession: () => false,
    interactions: { policy: signInPolicy(dependencies), url: (_ctx, { uid }) => `/sign-in/${uid}` },
    findAccount: findAccount(dependencies),
    loadExistingGrant: loadExistingGrant(dependencies),
    // The order matters: first which key, then what for.
    extraParams: requestChecks(dependencies),
  } satisfies Configuration;
};

/** `__Host-` (RFC 6265bis §4.1.3.2): no other host, and no page without TLS, can put one in its place. */
const cookies = (issuer: string): Configuration['cookies'] => {
  const secure = issuer.startsWith('https:');
  const common = { signed: true, httpOnly: true, sameSite: 'lax', secure } as const;
  const name = (what: string, prefix: string): string =>
    secure ? `${prefix}daypass_${what}` : `daypass_${what}`;
  return {
    names: {
      session: name('session', '__Host-'),
      // These have a path of their own.
      interaction: name('interaction', '__Secure-'),
      resume: name('resume', '__Secure-'),
    },
    long: { ...common, path: '/' },
    short: common,
  };
};

const requestChecks = (dependencies: SignInConfigurationDependencies) => {
  const { configuration } = dependencies;
  const keyOfRequest = createKeyOfRequest(dependencies);

  const check = async (ctx: KoaContextWithOIDC, said: unknown): Promise<void> => {
    const params = ctx.oidc.params as Record<string, unknown>;
    const app = appForClient(configuration, ctx.oidc.client?.clientId ?? '');
    if (!app) throw new errors.InvalidRequest('the app is gone');
    try {
      mustMeanSomething(params, app);
      params.dpop_jkt = await keyOfRequest(ctx, said, app);
    } catch (error) {
      throw asLibraryError(error);
    }
    // The library grants nothing where it sees nothing asked for; here that is all the app has there.
    params.authorization_details ??= ALL_THERE_IS;
  };
  return { lawful_basis: null, dpop_jkt: check };
};

/** Features that have people in them. */
export const signInFeatures = (dependencies: SignInConfigurationDependencies) => {
  const { pages, configuration, now } = dependencies;
  return {
    pushedAuthorizationRequests: { enabled: true },
    requestObjects: {
      enabled: true,
      assertJwtClaimsAndHeader: async (ctx, claims, header, { clientId }) => {
        // What was pushed has been looked at when it was, and is kept unsigned.
        if ('PushedAuthorizationRequest' in ctx.oidc.entities) return;
        const app = appForClient(configuration, clientId, '');
        mustBeRequest(claims, { app, clientId, header, now: now() });
      },
    },
    rpInitiatedLogout: {
      enabled: true,
      logoutSource: async (ctx, form) => {
        ctx.body = pages.logout(form, afterSignOut(paramsOf(ctx)));
      },
      postLogoutSuccessSource: async (ctx) => {
        ctx.body = pages.loggedOut();
      },
    },
    resourceIndicators: {
      enabled: true,
      // Which resources there are, and which scopes each has, is broker/'s to say: here all are passed on.
      getResourceServerInfo: (ctx) => ({
        scope: resourceScopes(paramsOf(ctx)).join(' '),
        accessTokenFormat: 'opaque',
      }),
      useGrantedResource: () => true,
    },
    richAuthorizationRequests: {
      enabled: true,
      types: { daypass_storage: { validate: () => undefined } },
      // The code carries what was agreed to, beside nothing.
      authorizationDetailsForGrantSource: ({ oidc }) =>
        [agreementOf(oidc.entities.Grant)].filter((one) => one !== undefined) as never,
      authorizationDetailsForAccessToken: () => undefined,
      authorizationDetailsForIntrospection: () => undefined,
    },
  } satisfies Configuration['features'];
};
