import { isPublicType } from '../../config/app-type.ts';
import type { App } from '../../config/deployment.ts';
import type { Dpop, Proof } from '../../identity/dpop.ts';
import type { IdTokenVerifier } from '../../identity/verifier.ts';
import type { Tokens } from '../../ledger/ledger.ts';
import { OAuthError, unproven } from '../../protocol/oauth-error.ts';
import { opaqueKind, tokenDigest } from '../../protocol/opaque-token.ts';
import { TokenType } from '../../protocol/token-type.ts';
import { mustBeBoundUnderProfile, mustFitProfile } from '../app-profile.ts';
import { type Audited, audited } from '../audited.ts';
import type { CurrentConfiguration } from '../configuration.ts';
import type { RequestContext } from '../context.ts';
import { mustBeAlive, seen } from '../held-token.ts';
import { deviceIdOf } from '../identifiers.ts';
import { fromClient, fromToken } from './authority.ts';
import { boundToCertificate } from './binding.ts';
import { delegate } from './delegate.ts';
import { appOf, type Proven } from './prove.ts';
import type { PresentedActor, ProveActor } from './prove-actor.ts';
import { type PresentedBound, proveSecondKey } from './second-key.ts';

export interface SubjectDependencies {
  readonly configuration: CurrentConfiguration;
  readonly verifier: IdTokenVerifier;
  readonly tokens: Pick<Tokens, 'use'>;
  readonly dpop: Dpop;
  readonly proveActor: ProveActor;
  readonly audit: Audited['audit'];
  readonly issuer: string;
  readonly now: () => Date;
}

/** What a token exchange presents (RFC 8693 §2.1). Nothing of it is proven. */
export interface Presented {
  readonly subject: { readonly token: string; readonly type: string };
  readonly actor: PresentedActor | undefined;
  /** Of the key that what is issued is to be bound to, where that is not the subject token's. */
  readonly bindingProof: string | undefined;
}

/** Who came in, and with what. */
export interface Caller {
  readonly app: App;
  /** The `DPoP` header. */
  readonly proof: string | string[] | undefined;
  readonly context: RequestContext;
}

interface ProvenSubject extends Pick<Proven, 'app' | 'authority'> {
  readonly proof: Proof | undefined;
  /** The subject token, where the proof is of the key it is bound to. */
  readonly bound: PresentedBound | undefined;
}

/**
 * 1. Prove the subject of an exchange at the token endpoint (RFC 8693 §2.1), and who acts for it, for a
 * client that has authenticated.
 *
 * @throws {OAuthError} `invalid_token`, reading alike for whatever is wrong with the subject token (the
 *   token endpoint says `invalid_request`, RFC 8693 §2.2.2).
 */
export const createTokenEndpointProver = (dependencies: SubjectDependencies) => {
  const { configuration, verifier, tokens, dpop, proveActor, audit, issuer, now } = dependencies;
  const endpoint = { method: 'POST', url: `${issuer}/token` };

  const proveKey = (
    { app, proof: header }: Pick<Caller, 'app' | 'proof'>,
    accessToken?: string,
  ): Proof | undefined => {
    if (header === undefined) return undefined;
    const over = accessToken === undefined ? {} : { accessToken };
    const proof = dpop.verify(header, { ...endpoint, ...over, beside: 'request' }, now());
    mustFitProfile(app, proof, now());
    return proof;
  };

  const proveIdToken = async (token: string, caller: Caller): Promise<ProvenSubject> => {
    const proof = proveKey(caller);
    const signIn = await verifier.verify(token, now());
    const party = await appOf(configuration, signIn, caller.app.id);
    return { ...party, proof, bound: undefined };
  };

  const proveOwnToken = async (token: string, caller: Caller) => {
    const { app, context } = caller;
    if (opaqueKind(token) !== 'at') throw unproven('not an access token for this API');
    const held = await tokens.use(tokenDigest(token), undefined);
    // The key a token is bound to is proved over that token (RFC 9449 §7).
    const isBoundByDpop = held?.token.binding?.method === 'dpop';
    const proof = proveKey(caller, isBoundByDpop ? token : undefined);
    const keys = { proof: isBoundByDpop ? proof : undefined, certificate: context.certificate };
    const alive = mustBeAlive(held, keys, now());
    if (alive.appId !== app.id) throw unproven('token of another app');
    mustBeBoundUnderProfile(app, alive);
    const bound = isBoundByDpop && proof ? { token, proof } : undefined;
    return { app, authority: fromToken(alive), proof, bound };
  };

  const prove = ({ token, type }: Presented['subject'], caller: Caller): Promise<ProvenSubject> => {
    // A public client does not authenticate: its key is all that tells it from a thief.
    if (isPublicType(caller.app.type) && caller.proof === undefined) throw keyless();
    return type === TokenType.idToken ? proveIdToken(token, caller) : proveOwnToken(token, caller);
  };

  /** From here on somebody is known: whatever else is wrong is on record, and uses the proof up. */
  const proveSubject = async (presented: Presented, caller: Caller): Promise<Proven> => {
    const subject = await prove(presented.subject, caller);
    const { app, authority, proof, bound } = subject;
    const { actor, bindingProof } = presented;
    const isCertificateKept = proof !== undefined && authority.held?.binding?.method === 'mtls';
    if (!actor && bindingProof === undefined && !isCertificateKept) {
      return { app, authority, jkt: proof?.jkt, proofs: seen(proof) };
    }
    return audited({ audit, now }, 'token.issue', known(subject, caller), seen(proof), async () => {
      if (isCertificateKept) throw boundToCertificate();
      const second =
        bindingProof === undefined
          ? undefined
          : proveSecondKey(dpop, bindingProof, bound, endpoint, now());
      mustFitProfile(app, second, now());
      const keys = [second, proof].flatMap((each) => (each ? [each.jkt] : []));
      const proofs = [...seen(proof), ...seen(second)];
      if (!actor) return { app, authority, jkt: keys[0], proofs };
      const { certificate } = caller.context;
      const acting = await proveActor(actor, { app, keys, certificate });
      return { app, authority: delegate(authority, acting, issuer), jkt: keys[0], proofs };
    });
  };

  /** A client for itself: only its key, where it proves one. */
  const proveClient = (app: App, header: Caller['proof']): Proven => {
    const proof = proveKey({ app, proof: header });
    return { app, authority: fromClient(app), jkt: proof?.jkt, proofs: seen(proof) };
  };

  return { proveSubject, proveClient };
};

const known = ({ app, authority, proof }: ProvenSubject, { context }: Caller) => ({
  tenantId: authority.tenantId,
  appId: app.id,
  issuer: authority.user?.issuer,
  userId: authority.user?.userId,
  deviceId: proof && deviceIdOf(proof.jkt),
  actors: authority.actors,
  ip: context.ip,
  traceId: context.traceId,
  requestId: context.requestId,
});

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
