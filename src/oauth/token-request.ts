import type { TokenEndpointGrantContext } from 'oidc-provider';
import type { Asked } from '../broker/exchange/asked.ts';
import { OAuthError } from '../protocol/oauth-error.ts';
import { TokenType } from '../protocol/token-type.ts';
import { parseAuthorizationDetails, scopesToDetails } from '../scope/authorization-details.ts';
import { scopeTokens } from '../scope/scope-tokens.ts';
import { isStorageScope } from '../scope/storage-scope.ts';

export type Parameters = TokenEndpointGrantContext['oidc']['params'] &
  Readonly<Record<string, unknown>>;

/** What is asked for at the token endpoint: RFC 8693 §2.1, RFC 8707 §2, RFC 9396 §6. */
export const readAsked = (params: Parameters): Asked => {
  const scopes =
    text(params, 'scope') === undefined ? [] : scopeTokens(text(params, 'scope') ?? '');
  const inStorage = scopes.filter(isStorageScope);
  if (inStorage.length > 0 && inStorage.length < scopes.length) throw mixedScopes();

  const details = [
    ...scopesToDetails(inStorage),
    ...readDetails(text(params, 'authorization_details')),
  ];
  return {
    resource: oneTarget(params),
    actions: inStorage.length === 0 && scopes.length > 0 ? scopes : undefined,
    constraints: {},
    details: details.length > 0 ? details : undefined,
    ttl: undefined,
    lawfulBasis: text(params, 'lawful_basis'),
  };
};

export interface PresentedSubject {
  readonly token: string;
  readonly type: typeof TokenType.accessToken | typeof TokenType.idToken;
}

/** The subject token (RFC 8693 §2.1). @throws {OAuthError} `invalid_request` for all that is not one. */
export const readSubject = (params: Parameters): PresentedSubject => {
  const token = required(params, 'subject_token');
  const type = required(params, 'subject_token_type');
  if (type !== TokenType.accessToken && type !== TokenType.idToken) {
    throw invalid(
      'subject_token_type',
      'token_type',
      'only ID tokens and Daypass access tokens are exchanged',
      {
        remedy: `use ${TokenType.idToken} or ${TokenType.accessToken}`,
      },
    );
  }
  const requested = text(params, 'requested_token_type');
  if (requested !== undefined && requested !== TokenType.accessToken) {
    throw invalid('requested_token_type', 'token_type', 'only access tokens are issued', {
      remedy: `leave it out, or use ${TokenType.accessToken}`,
    });
  }
  refuseActor(params);
  return { token, type };
};

/** An actor token and its type come together (RFC 8693 §2.1); neither is taken in this release. */
const refuseActor = (params: Parameters): void => {
  const actor = text(params, 'actor_token');
  const type = text(params, 'actor_token_type');
  if (actor === undefined && type === undefined) return;
  if (actor === undefined || type === undefined) {
    throw invalid('actor_token', 'together', 'actor_token and actor_token_type come together', {
      remedy: 'send both, or neither',
    });
  }
  throw invalid(
    'actor_token',
    'unsupported',
    'delegation with an actor token is not supported yet',
    {
      remedy: 'leave actor_token and actor_token_type out',
    },
  );
};

/** One token is for one target, named once as `resource` or `audience` or alike by both. */
const oneTarget = (params: Parameters): string | undefined => {
  const named = [params.resource, params.audience].flat().filter((value) => value !== undefined);
  const [target, ...others] = new Set(named);
  if (others.length > 0) {
    throw new OAuthError('invalid_target', 'name exactly one resource or audience', {
      violations: [
        {
          field: 'resource',
          rule: 'one_target',
          message: 'a token for two services is a token either can misuse',
          remedy: 'exchange once for each',
        },
      ],
    });
  }
  return typeof target === 'string' ? target : undefined;
};

const readDetails = (json: string | undefined): ReturnType<typeof parseAuthorizationDetails> => {
  if (json === undefined) return [];
  try {
    return parseAuthorizationDetails(JSON.parse(json));
  } catch (error) {
    if (error instanceof OAuthError) throw error;
    throw new OAuthError('invalid_authorization_details', 'authorization_details is not JSON', {
      violations: [
        {
          field: 'authorization_details',
          rule: 'json',
          message: 'the parameter does not parse as JSON',
          remedy: 'send a JSON array, form-encoded',
        },
      ],
    });
  }
};

const mixedScopes = (): OAuthError =>
  new OAuthError('invalid_scope', 'storage scopes and scopes of an API do not mix', {
    violations: [
      {
        field: 'scope',
        rule: 'one_kind',
        message: 'one token is for one bucket or one API',
        remedy: 'exchange once for each',
      },
    ],
  });

const text = (params: Parameters, name: string): string | undefined => {
  const value = params[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
};

const required = (params: Parameters, name: string): string => {
  const value = text(params, name);
  if (value !== undefined) return value;
  throw invalid(name, 'required', `${name} is missing`, {
    remedy: `send ${name}, once (RFC 8693 §2.1)`,
  });
};

const invalid = (field: string, rule: string, message: string, { remedy }: { remedy: string }) =>
  new OAuthError('invalid_request', message, { violations: [{ field, rule, message, remedy }] });
