import type { Dpop, Proof } from '../identity/dpop.ts';
import type { HeldToken, Tokens } from '../ledger/ledger.ts';
import type { SeenProof, TokenRecord } from '../ledger/records.ts';
import { unproven } from '../protocol/oauth-error.ts';
import { opaqueKind, tokenDigest } from '../protocol/opaque-token.ts';
import { mustBeBoundUnderProfile, mustFitProfile } from './app-profile.ts';
import { type Audited, recordRefusal } from './audited.ts';
import type { CurrentConfiguration } from './configuration.ts';
import type { PresentedCredential, RequestContext } from './context.ts';
import { replayedProof } from './exchange/refused.ts';
import { holder } from './use.ts';

export interface HeldTokenDependencies {
  readonly tokens: Pick<Tokens, 'use'>;
  readonly dpop: Dpop;
  readonly configuration: CurrentConfiguration;
  readonly audit: Audited['audit'];
  readonly now: () => Date;
}

/** A Daypass token in the hands of whoever may use it. */
export interface ProvenToken {
  readonly token: TokenRecord;
  readonly proof: Proof | undefined;
}

/** What is remembered of a proof. */
export const seen = (proof: Proof | undefined): readonly SeenProof[] =>
  proof ? [{ kind: 'proof', id: proof.replayId, keepUntil: proof.keepUntil }] : [];

/**
 * Proves a Daypass token at the door: known, alive, in its own scheme, with the key or on the connection it is bound to.
 *
 * @param claim whether to use the proof up now; an exchange leaves that to the statement that issues.
 * @throws {OAuthError} `invalid_token` for whatever is wrong with the token, all reading alike;
 *   `invalid_dpop_proof` or `use_dpop_nonce` for the proof, with 401.
 */
export const createTokenProver =
  ({ tokens, dpop, configuration, audit, now }: HeldTokenDependencies) =>
  async (credential: PresentedCredential, claim: boolean): Promise<ProvenToken> => {
    // A JWT of ours is for the resource server it names, never for this API.
    if (opaqueKind(credential.value) !== 'at') throw unproven('not an access token of ours');
    const proof = credential.scheme === 'dpop' ? proveKey(dpop, credential, now()) : undefined;
    const held = await tokens.use(
      tokenDigest(credential.value),
      claim ? seen(proof)[0] : undefined,
    );
    const keys = { proof, certificate: credential.context.certificate };
    try {
      const token = mustBeAlive(held, keys, now());
      const app = configuration.get().index.app(token.appId);
      mustBeBoundUnderProfile(app, token);
      mustFitProfile(app, proof, now(), 401);
      return { token, proof };
    } catch (error) {
      // Whoever still has a revoked token and its key is the one the revocation was about. Other dead
      // tokens are only counted: a client that is slow to renew must not become writes.
      if (held?.revoked && isItsKey(held.token, keys)) {
        const event = { ...holder(held.token, credential.context), action: 'token.use' };
        await recordRefusal({ audit, now }, error, event);
      }
      throw error;
    }
  };

const proveKey = (
  dpop: Dpop,
  { proof, method, url, value }: PresentedCredential,
  now: Date,
): Proof => dpop.verify(proof, { method, url, accessToken: value, beside: 'credential' }, now);

export const mustBeAlive = (
  held: HeldToken | undefined,
  keys: ProvenKeys,
  now: Date,
): TokenRecord => {
  if (!held) throw unproven('token is not known');
  const { token, revoked, replayed } = held;
  if (!isItsKey(token, keys)) throw unproven('wrong scheme, wrong key or wrong certificate');
  if (revoked) throw unproven('token is revoked');
  if (token.expiresAt <= now) throw unproven('token has expired');
  if (replayed) throw replayedProof(401);
  return token;
};

/** The keys that a request proves: one by DPoP, one by TLS. */
export interface ProvenKeys extends Pick<RequestContext, 'certificate'> {
  readonly proof: Proof | undefined;
}

/** A token that is not bound to a key by DPoP takes no proof; one that is bound to no certificate is for any. */
const isItsKey = ({ binding }: TokenRecord, { proof, certificate }: ProvenKeys): boolean => {
  if (binding?.method === 'dpop') return binding.jkt === proof?.jkt;
  if (proof !== undefined) return false;
  // RFC 8705 §3: no certificate is as bad as another one.
  return binding === undefined || binding['x5t#S256'] === certificate?.thumbprint;
};
