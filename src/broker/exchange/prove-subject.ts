import type { App } from '../../config/deployment.ts';
import type { Dpop, Proof } from '../../identity/dpop.ts';
import type { IdTokenVerifier } from '../../identity/verifier.ts';
import type { Tokens } from '../../ledger/ledger.ts';
import { OAuthError, unproven } from '../../protocol/oauth-error.ts';
import { opaqueKind, tokenDigest } from '../../protocol/opaque-token.ts';
import { TokenType } from '../../protocol/token-type.ts';
import type { CurrentConfiguration } from '../configuration.ts';
import { mustBeAlive, seen } from '../held-token.ts';
import { fromClient, fromToken } from './authority.ts';
import { appOf, type Proven } from './prove.ts';

export interface SubjectDependencies {
  readonly configuration: CurrentConfiguration;
  readonly verifier: IdTokenVerifier;
  readonly tokens: Pick<Tokens, 'use'>;
  readonly dpop: Dpop;
  /** The public URL of the token endpoint. */
  readonly tokenEndpoint: string;
  readonly now: () => Date;
}

interface Subject {
  readonly token: string;
  readonly type: string;
}

type ProofHeader = string | string[] | undefined;

/**
 * 1. Prove the subject of an exchange at the token endpoint (RFC 8693 §2.1), for a client that has
 * authenticated.
 *
 * @throws {OAuthError} `invalid_token`, reading alike for whatever is wrong with the subject token (the
 *   token endpoint says `invalid_request`, RFC 8693 §2.2.2).
 */
export const createTokenEndpointProver = (dependencies: SubjectDependencies) => {
  const { configuration, verifier, tokens, dpop, tokenEndpoint, now } = dependencies;

  const proveKey = (header: ProofHeader, accessToken?: string): Proof | undefined =>
    header === undefined
      ? undefined
      : dpop.verify(
          header,
          {
            method: 'POST',
            url: tokenEndpoint,
            ...(accessToken === undefined ? {} : { accessToken }),
            beside: 'request',
          },
          now(),
        );

  const proveIdToken = async (token: string, app: App, header: ProofHeader): Promise<Proven> => {
    const proof = proveKey(header);
    const signIn = await verifier.verify(token, now());
    const party = await appOf(configuration, signIn, app.id);
    return { ...party, jkt: proof?.jkt, proofs: seen(proof) };
  };

  const proveOwnToken = async (token: string, app: App, header: ProofHeader): Promise<Proven> => {
    if (opaqueKind(token) !== 'at') throw unproven('not an access token for this API');
    const held = await tokens.use(tokenDigest(token), undefined);
    // The key a token is bound to is proved over that token (RFC 9449 §7).
    const proof = proveKey(header, held?.token.binding && token);
    const alive = mustBeAlive(held, held?.token.binding ? proof : undefined, now());
    if (alive.appId !== app.id) throw unproven('token of another app');
    return { app, authority: fromToken(alive), jkt: proof?.jkt, proofs: seen(proof) };
  };

  const proveSubject = (subject: Subject, app: App, header: ProofHeader): Promise<Proven> => {
    // A public client does not authenticate: its key is all that tells it from a thief.
    const isPublic = app.type === 'browser' || app.type === 'native';
    if (isPublic && header === undefined) throw keyless();
    return subject.type === TokenType.idToken
      ? proveIdToken(subject.token, app, header)
      : proveOwnToken(subject.token, app, header);
  };

  /** A client for itself: only its key, where it proves one. */
  const proveClient = (app: App, header: ProofHeader): Proven => {
    const proof = proveKey(header);
    return { app, authority: fromClient(app), jkt: proof?.jkt, proofs: seen(proof) };
  };

  return { proveSubject, proveClient };
};

const keyless = (): OAuthError =>
  new OAuthError('invalid_dpop_proof', 'a public app proves a key at the token endpoint', {
    violations: [
      {
        field: 'DPoP',
        rule: 'required',
        message: 'the request has no DPoP proof',
        remedy: 'send a DPoP header (RFC 9449), or use /exchange where the app has dpop: optional',
      },
    ],
  });
