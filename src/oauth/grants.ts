import type { IncomingMessage } from 'node:http';
import type { Provider, TokenEndpointGrantContext } from 'oidc-provider';
import type { CurrentConfiguration } from '../broker/configuration.ts';
import type { RequestContext } from '../broker/context.ts';
import type { Credential } from '../broker/exchange/answer.ts';
import type { createExchange } from '../broker/exchange/exchange.ts';
import type { createTokenEndpointProver } from '../broker/exchange/prove-subject.ts';
import type { App } from '../config/deployment.ts';
import { OAuthError } from '../protocol/oauth-error.ts';
import { TOKEN_EXCHANGE, TokenType } from '../protocol/token-type.ts';
import { CLIENT_CREDENTIALS } from './metadata.ts';
import { mustBeSound, type Parameters, readAsked, readPresented } from './token-request.ts';

export interface GrantDependencies {
  readonly configuration: CurrentConfiguration;
  readonly prover: ReturnType<typeof createTokenEndpointProver>;
  readonly exchange: ReturnType<typeof createExchange>;
  /** What the HTTP pipeline knows of a request that has come in here. */
  readonly contextOf: (request: IncomingMessage) => RequestContext;
}

const ASKED = ['scope', 'resource', 'audience', 'authorization_details', 'lawful_basis'];
const REPEATABLE = ['resource', 'audience'];
const EXCHANGE = [
  ...ASKED,
  'subject_token',
  'subject_token_type',
  'actor_token',
  'actor_token_type',
  'requested_token_type',
  'dpop_binding_proof',
];

/**
 * Our grants, inside the library's token endpoint: it has authenticated the client by then, and broker/
 * does the rest, exactly as for `/exchange`.
 */
export const registerGrants = (provider: Provider, dependencies: GrantDependencies): void => {
  const { configuration, prover, exchange, contextOf } = dependencies;

  /** RFC 8693. */
  const tokenExchange = async (ctx: TokenEndpointGrantContext): Promise<void> => {
    const params = soundParams(ctx);
    const asked = readAsked(params);
    const app = appOf(configuration, ctx.oidc.client.clientId);
    const context = contextOf(ctx.req);
    const caller = { app, proof: proofOf(ctx), context };
    const proven = await prover.proveSubject(readPresented(params), caller);
    const credential = await exchange({ door: 'token', ...proven, asked, context });
    ctx.body = { ...toResponse(credential), issued_token_type: TokenType.accessToken };
  };

  /** RFC 6749 §4.4: a client for itself. */
  const clientCredentials = async (ctx: TokenEndpointGrantContext): Promise<void> => {
    const asked = readAsked(soundParams(ctx));
    const proven = prover.proveClient(appOf(configuration, ctx.oidc.client.clientId), proofOf(ctx));
    const credential = await exchange({
      door: 'token',
      ...proven,
      asked,
      context: contextOf(ctx.req),
    });
    ctx.body = toResponse(credential);
  };

  provider.registerGrantType(TOKEN_EXCHANGE, tokenExchange, EXCHANGE, REPEATABLE);
  provider.registerGrantType(CLIENT_CREDENTIALS, clientCredentials, ASKED, REPEATABLE);
};

export const soundParams = (ctx: TokenEndpointGrantContext): Parameters => {
  const params = ctx.oidc.params as Parameters;
  // The library takes an empty list for none at all; who asks for nothing is not given everything.
  if (ctx.oidc.body?.authorization_details !== undefined) params.authorization_details ??= '[]';
  mustBeSound(params);
  return params;
};

export const proofOf = (ctx: TokenEndpointGrantContext): string | string[] | undefined => {
  const proofs = ctx.req.headersDistinct.dpop;
  return proofs && (proofs.length === 1 ? proofs[0] : proofs);
};

/** The app of a client that has authenticated, as it is registered now. */
export const appOf = (configuration: CurrentConfiguration, clientId: string): App => {
  const app = configuration.get().index.app(clientId);
  if (app) return app;
  throw new OAuthError('invalid_client', 'client authentication failed', {
    detail: 'the app is gone',
  });
};

/** RFC 6749 §5.1, RFC 8693 §2.2.1, RFC 9396 §7. */
export const toResponse = (credential: Credential): object => ({
  access_token: credential.accessToken,
  token_type: credential.tokenType,
  expires_in: credential.expiresIn,
  scope: credential.scopes.join(' '),
  ...(credential.details.length > 0 && { authorization_details: credential.details }),
  token_id: credential.tokenId,
});
