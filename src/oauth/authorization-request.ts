import { isDeepStrictEqual } from 'node:util';
import { errors, type KoaContextWithOIDC } from 'oidc-provider';
import type { Asked } from '../broker/exchange/asked.ts';
import type { Limit } from '../broker/exchange/authority.ts';
import type { ShownApp } from '../broker/sign-in/interaction.ts';
import type { App } from '../config/deployment.ts';
import { OAuthError } from '../protocol/oauth-error.ts';
import { mustBeSound, NAMED_BY_DETAILS, readAsked } from './token-request.ts';

/** What an app asks a person for, as it wrote it: equal requests are one agreement. */
export interface AuthorizationRequest {
  readonly scope?: string;
  readonly resource?: string;
  readonly authorization_details?: string;
  readonly lawful_basis?: string;
}

/**
 * What was agreed to, where the library keeps `authorization_details`: on its grant, and on each code that comes of
 * it. It is of a type that no client may ask for.
 */
export interface Agreement {
  readonly type: typeof AGREEMENT;
  readonly request: AuthorizationRequest;
  readonly limit: Limit;
  /** What the person was shown of the app; absent where the company agreed for them, and nobody was shown anything. */
  readonly shown?: ShownApp;
  /** Epoch seconds, by the ledger's clock. */
  readonly at: number;
  /** The key that codes of it are tied to, where the request named one. */
  readonly jkt?: string;
}

export const AGREEMENT = 'daypass_agreement';

/** Scopes that say something of the sign-in, and nothing of a resource (OpenID Connect Core §3.1.2.1, §5.4, §11). */
export const SIGN_IN_SCOPES = ['openid', 'offline_access', 'profile', 'email'] as const;

const isOfSignIn = (scope: string): boolean =>
  (SIGN_IN_SCOPES as readonly string[]).includes(scope);

/** Nothing was asked for but all that the app has there: the library wants to see something. */
export const ALL_THERE_IS = '[]';

type Parameters = Readonly<Record<string, unknown>>;

/** The part of the parameters that says what for. */
export const requestOf = (params: Parameters): AuthorizationRequest => {
  const scope = resourceScopes(params).join(' ');
  const resource = [params.resource].flat().filter((one) => one !== NAMED_BY_DETAILS);
  const details = params.authorization_details;
  return {
    ...(scope !== '' && { scope }),
    ...(typeof resource[0] === 'string' && { resource: resource[0] }),
    ...(typeof details === 'string' &&
      details !== ALL_THERE_IS && { authorization_details: details }),
    ...(typeof params.lawful_basis === 'string' && { lawful_basis: params.lawful_basis }),
  };
};

/** Without those that say something of the sign-in. */
export const resourceScopes = ({ scope }: Parameters): readonly string[] =>
  typeof scope === 'string' ? scope.split(' ').filter((one) => one !== '' && !isOfSignIn(one)) : [];

/** Those that say something of the sign-in. */
export const signInScopes = ({ scope }: Parameters): readonly string[] =>
  typeof scope === 'string' ? scope.split(' ').filter(isOfSignIn) : [];

export const isSame = (one: AuthorizationRequest, other: AuthorizationRequest): boolean =>
  JSON.stringify(one) === JSON.stringify(other);

/** Leans closed: without a word of what was shown, nothing was. */
export const wasShown = ({ shown }: Agreement, app: ShownApp): boolean =>
  shown !== undefined && isDeepStrictEqual(shown, app);

/** @throws {OAuthError} for what means nothing. */
export const askedOf = (request: AuthorizationRequest): Asked =>
  readAsked({ ...request } as Parameters as never);

/** The client's mistakes, found before anybody is asked to sign in for nothing. */
export const mustMeanSomething = (params: Parameters, app: App): void => {
  mustBeSound(params);
  const targets = [params.resource].flat().filter((one) => one !== NAMED_BY_DETAILS);
  if (targets.length > 1) throw ONE_TARGET();
  const asked = askedOf(requestOf(params));
  const target = asked.resource ?? asked.details?.[0]?.locations[0];
  const isGranted = app.grants.some(({ resource }) => resource === target);
  if (target === undefined && asked.actions) throw NO_TARGET();
  // The built-in client has no grants: what it may have depends on who signs in.
  if (target !== undefined && app.grants.length > 0 && !isGranted) throw NOT_GRANTED();
};

/** As the library hands it on to the client: with our code and words, and the refusal itself for the log. */
export const asLibraryError = (error: unknown): unknown => {
  if (!(error instanceof OAuthError) || error.status >= 500) return error;
  const told = new errors.CustomOIDCProviderError(error.code, error.message);
  return Object.assign(told, { cause: error, allow_redirect: true });
};

/** The parameters of an authorization request, wherever it came in. */
export const paramsOf = ({ oidc }: KoaContextWithOIDC): Parameters => oidc.params as Parameters;

const refusal =
  (code: 'invalid_target' | 'invalid_scope', rule: string, message: string, remedy: string) =>
  (): OAuthError =>
    new OAuthError(code, message, { violations: [{ field: 'resource', rule, message, remedy }] });

const ONE_TARGET = refusal(
  'invalid_target',
  'one_target',
  'name exactly one resource',
  'send the person to /authorize once for each: one token is for one place',
);
const NO_TARGET = refusal(
  'invalid_target',
  'required',
  'scopes of an API need the resource they are for',
  'name it in resource (RFC 8707)',
);
const NOT_GRANTED = refusal(
  'invalid_target',
  'not_granted',
  'the app has no grant for this resource',
  'ask the platform team for a grant, or name a resource the app has one for',
);
