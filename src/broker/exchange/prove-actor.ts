import type { App } from '../../config/deployment.ts';
import { hasExpired } from '../../config/expiry.ts';
import type { IdTokenVerifier } from '../../identity/verifier.ts';
import type { HeldToken } from '../../ledger/ledger.ts';
import { type TokenRecord, thumbprintOf } from '../../ledger/records.ts';
import type { SignIns } from '../../ledger/sign-ins.ts';
import { OAuthError, unproven } from '../../protocol/oauth-error.ts';
import type { SignIn } from '../../protocol/principal.ts';
import { TokenType } from '../../protocol/token-type.ts';
import { mustBeBoundUnderProfile } from '../app-profile.ts';
import { type CurrentConfiguration, underConfiguration } from '../configuration.ts';
import type { RequestContext } from '../context.ts';
import type { FindToken } from '../find-token.ts';
import { isIssuerTrusted } from '../use.ts';
import { fromToken } from './authority.ts';
import { bindsToCertificate } from './binding.ts';
import type { ProvenActor } from './delegate.ts';
import { appOf } from './prove.ts';

export interface ActorDependencies {
  readonly configuration: CurrentConfiguration;
  readonly verifier: IdTokenVerifier;
  readonly findToken: FindToken;
  readonly signIns: SignIns;
  readonly now: () => Date;
}

export interface PresentedActor {
  readonly token: string;
  readonly type: typeof TokenType.accessToken | typeof TokenType.idToken;
}

/** Who presents it: the client, and the keys that its request proves. */
export interface Presenter {
  readonly app: App;
  /** By DPoP. The one that what is issued will be bound to comes first. */
  readonly keys: readonly string[];
  readonly certificate: RequestContext['certificate'];
}

/**
 * Proves who an actor token speaks for (RFC 8693 §2.1), as completely as a subject: alive, not revoked, and in
 * the hands of whoever may use it.
 *
 * - A Daypass token that is bound: its key is among those the request proves, or its certificate on the connection. Whose app it is does not matter
 *   then, for the holder of the key is taking part.
 * - One that is not bound is anybody's who finds it: only from the app it was issued to, which has authenticated.
 * - An ID token: issued to the app that presents it, and tied to one of the request's keys where it is tied.
 *
 * @throws {OAuthError} `invalid_request`, reading alike for whatever is wrong with it (RFC 8693 §2.2.2).
 */
export const createActorProver = (dependencies: ActorDependencies) => {
  const { configuration, verifier, findToken, signIns, now } = dependencies;

  const proveSignIn = async (token: string, presenter: Presenter): Promise<ProvenActor> => {
    const signIn = await verifier.verify(token, now());
    const { app, authority } = await appOf(configuration, signIn, presenter.app.id);
    await mustBeTiedTo(signIn, presenter);
    // Before anything comes of it: what names nobody on record could be revoked by nobody.
    const { userId, issuer, subject, issuerId, tenant: tenantId } = signIn;
    await signIns.meet({ userId, issuer, subject, issuerId, tenantId }, now());
    // It is no root of what is issued: the subject's sign-in is, and the statement that issues ties that one.
    return { authority: { ...authority, signIn: undefined }, clientId: app.id };
  };

  const mustBeTiedTo = async (signIn: SignIn, presenter: Presenter): Promise<void> => {
    const { tokenHash, expiresAt } = signIn;
    const { app, certificate } = presenter;
    const keys = [...presenter.keys];
    if (certificate && bindsToCertificate(app)) keys.push(certificate.thumbprint);
    const thumbprint = keys[0];
    const tied = await signIns.tie({ tokenHash, thumbprint, expiresAt: toDate(expiresAt) });
    if (tied !== undefined && !keys.includes(tied)) throw unproven('tied to another key');
  };

  const proveToken = async (token: string, presenter: Presenter): Promise<ProvenActor> => {
    const held = mustBeUsable(await findToken(token), now());
    mustBeInHand(held, presenter);
    await underConfiguration(configuration, (inForce) => {
      const app = inForce.index.app(held.appId);
      if (!app?.enabled || hasExpired(app, now())) throw unproven('the app of the actor is gone');
      mustBeBoundUnderProfile(app, held);
      if (!isIssuerTrusted(held, inForce)) throw unproven('the issuer of the actor is gone');
      return true;
    });
    return { authority: fromToken(held), clientId: held.appId };
  };

  return async (actor: PresentedActor, presenter: Presenter): Promise<ProvenActor> => {
    try {
      return actor.type === TokenType.idToken
        ? await proveSignIn(actor.token, presenter)
        : await proveToken(actor.token, presenter);
    } catch (error) {
      if (!(error instanceof OAuthError) || error.status >= 500) throw error;
      throw notAcceptable(error);
    }
  };
};

export type ProveActor = ReturnType<typeof createActorProver>;

const toDate = (seconds: number): Date => new Date(seconds * 1000);

const mustBeUsable = (held: HeldToken | undefined, now: Date): TokenRecord => {
  if (!held) throw unproven('token is not known');
  if (held.revoked) throw unproven('token is revoked');
  if (held.token.expiresAt <= now) throw unproven('token has expired');
  return held.token;
};

const mustBeInHand = ({ binding, appId }: TokenRecord, presenter: Presenter): void => {
  const { app, keys, certificate } = presenter;
  if (binding) {
    const proven = [...keys, ...(certificate ? [certificate.thumbprint] : [])];
    if (!proven.includes(thumbprintOf(binding))) throw unproven('its key is not proven');
    return;
  }
  const isConfidential = app.type === 'web' || app.type === 'service';
  if (!isConfidential || appId !== app.id) throw unproven('unbound, and not of this client');
};

/** Says nothing of which check failed: what was presented may be somebody else's. */
const notAcceptable = ({ detail, cause }: OAuthError): OAuthError =>
  new OAuthError('invalid_request', 'the actor token is not acceptable', {
    detail: `actor token: ${detail ?? 'refused'}`,
    cause,
    violations: [
      {
        field: 'actor_token',
        rule: 'not_acceptable',
        message: 'it is not valid, not valid any more, or not for this client',
        remedy:
          'present a fresh one; where it is bound to a key, prove that key by DPoP or dpop_binding_proof',
      },
    ],
  });
