import type { TokenEndpointGrantContext } from 'oidc-provider';
import { type Asked, LAWFUL_BASIS } from '../broker/exchange/asked.ts';
import type { Presented } from '../broker/exchange/prove-subject.ts';
import { BINDING_PROOF } from '../broker/exchange/second-key.ts';
import { OAuthError, type OAuthErrorCode } from '../protocol/oauth-error.ts';
import { TokenType } from '../protocol/token-type.ts';
import { parseAuthorizationDetails, scopesToDetails } from '../scope/authorization-details.ts';
import { scopeTokens } from '../scope/scope-tokens.ts';
import { isStorageScope } from '../scope/storage-scope.ts';

export type Parameters = TokenEndpointGrantContext['oidc']['params'] &
  Readonly<Record<string, unknown>>;

/**
 * The library wants a resource wherever there are `authorization_details`, and puts this one where the
 * client sent none: the details name it.
 */
export const NAMED_BY_DETAILS = 'urn:daypass:named-by-details';

/** Text that no column holds is refused before anything is looked up or recorded. */
export const mustBeSound = (params: Readonly<Record<string, unknown>>): void => {
  for (const [name, value] of Object.entries(params)) {
    if (![value].flat().some((each) => String(each).includes('\0'))) continue;
    throw invalid(name, 'text', `${name} holds a NUL`, 'leave such characters out');
  }
};

/** What is asked for at the token endpoint: RFC 8693 §2.1, RFC 8707 §2, RFC 9396 §6. */
export const readAsked = (params: Parameters): Asked => {
  const scope = text(params, 'scope');
  const scopes = scope === undefined ? [] : scopeTokens(scope);
  const inStorage = scopes.filter(isStorageScope);
  const details = [
    ...scopesToDetails(inStorage),
    ...readDetails(text(params, 'authorization_details')),
  ];
  // Actions of an API and limits of a bucket: one of them would be left unsaid.
  if (details.length > 0 && inStorage.length < scopes.length) throw mixedScopes();

  const resource = oneTarget(params);
  if (resource !== undefined && details.some(({ locations }) => locations[0] !== resource)) {
    throw otherTarget();
  }
  return {
    resource,
    actions: details.length === 0 && scopes.length > 0 ? scopes : undefined,
    constraints: {},
    details: details.length > 0 ? details : undefined,
    ttl: undefined,
    lawfulBasis: readLawfulBasis(params),
  };
};

/** What is exchanged (RFC 8693 §2.1). @throws {OAuthError} `invalid_request` for all that is not well-formed. */
export const readPresented = (params: Parameters): Presented => {
  const token = required(params, 'subject_token');
  const type = typeOf('subject_token_type', required(params, 'subject_token_type'));
  const requested = text(params, 'requested_token_type');
  if (requested !== undefined && requested !== TokenType.accessToken) {
    throw invalid(
      'requested_token_type',
      'token_type',
      'only access tokens are issued',
      `leave it out, or use ${TokenType.accessToken}`,
    );
  }
  return {
    subject: { token, type },
    actor: readActor(params),
    bindingProof: text(params, BINDING_PROOF),
  };
};

/** An actor token and its type come together (RFC 8693 §2.1). */
const readActor = (params: Parameters): Presented['actor'] => {
  const token = text(params, 'actor_token');
  const type = text(params, 'actor_token_type');
  if (token === undefined && type === undefined) return undefined;
  if (token !== undefined && type !== undefined) {
    return { token, type: typeOf('actor_token_type', type) };
  }
  throw invalid(
    token === undefined ? 'actor_token' : 'actor_token_type',
    'together',
    'actor_token and actor_token_type come together',
    'send both, or neither',
  );
};

const typeOf = (
  field: string,
  type: string,
): typeof TokenType.accessToken | typeof TokenType.idToken => {
  if (type === TokenType.accessToken || type === TokenType.idToken) return type;
  throw invalid(
    field,
    'token_type',
    'only ID tokens and Daypass access tokens are exchanged',
    `use ${TokenType.idToken} or ${TokenType.accessToken}`,
  );
};

/** One token is for one target, named once as `resource` or `audience` or alike by both. */
const oneTarget = (params: Parameters): string | undefined => {
  const named = [params.resource, params.audience]
    .flat()
    .filter((value): value is string => typeof value === 'string' && value !== '')
    .filter((value) => value !== NAMED_BY_DETAILS);
  const [target, ...others] = new Set(named);
  if (others.length === 0) return target;
  throw refusal('invalid_target', 'name exactly one resource or audience', {
    field: 'resource',
    rule: 'one_target',
    message: 'a token for two services is a token either can misuse',
    remedy: 'exchange once for each',
  });
};

const readDetails = (json: string | undefined): ReturnType<typeof parseAuthorizationDetails> =>
  json === undefined ? [] : parseAuthorizationDetails(parseJson(json));

const parseJson = (json: string): unknown => {
  try {
    return JSON.parse(json);
  } catch {
    throw refusal('invalid_authorization_details', 'authorization_details is not JSON', {
      field: 'authorization_details',
      rule: 'json',
      message: 'the parameter does not parse as JSON',
      remedy: 'send a JSON array, form-encoded',
    });
  }
};

const readLawfulBasis = (params: Parameters): string | undefined => {
  const word = text(params, 'lawful_basis');
  if (word === undefined || LAWFUL_BASIS.test(word)) return word;
  throw invalid(
    'lawful_basis',
    'word',
    'lawful_basis must be a short lower-case word',
    'use one such as contract or consent',
  );
};

const mixedScopes = (): OAuthError =>
  refusal('invalid_scope', 'storage and scopes of an API do not mix', {
    field: 'scope',
    rule: 'one_kind',
    message: 'one token is for one bucket or one API',
    remedy: 'exchange once for each',
  });

const otherTarget = (): OAuthError =>
  refusal('invalid_target', 'resource and what is asked of it name different targets', {
    field: 'resource',
    rule: 'one_target',
    message: 'the storage asked for is not in the resource that is named',
    remedy: 'name the same bucket in both, or leave resource out',
  });

/** RFC 6749 §3.2: a parameter without a value is one that was left out. */
const text = (params: Parameters, name: string): string | undefined => {
  const value = params[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
};

const required = (params: Parameters, name: string): string => {
  const value = text(params, name);
  if (value !== undefined) return value;
  throw invalid(name, 'required', `${name} is missing`, `send ${name}, once (RFC 8693 §2.1)`);
};

const refusal = (
  code: OAuthErrorCode,
  message: string,
  violation: OAuthError['violations'][number],
): OAuthError => new OAuthError(code, message, { violations: [violation] });

const invalid = (field: string, rule: string, message: string, remedy: string): OAuthError =>
  refusal('invalid_request', message, { field, rule, message, remedy });
