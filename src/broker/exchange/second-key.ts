import type { Dpop, Proof, ProvenRequest } from '../../identity/dpop.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';

/** The parameter, at `/exchange` and at `/token`. */
export const BINDING_PROOF = 'dpop_binding_proof';

/** A bound token that was presented with the proof of its key. */
export interface PresentedBound {
  readonly token: string;
  readonly proof: Proof;
}

/**
 * The other key that what is issued will be bound to, in place of the one its subject token is bound to.
 *
 * Whoever holds the first key hands over to the second by name: both are proven over the same token, for
 * the same request, under the same nonce. So neither proof is worth anything beside another.
 *
 * @param bound undefined where the subject token is bound to no key: then the request's own proof names the key.
 * @throws {OAuthError} `invalid_request` there; `invalid_dpop_proof` for a proof that does not fit.
 */
export const proveSecondKey = (
  dpop: Dpop,
  bindingProof: string,
  bound: PresentedBound | undefined,
  request: Pick<ProvenRequest, 'method' | 'url'>,
  now: Date,
): Proof => {
  if (!bound) throw nothingToRebind();
  return dpop.verify(
    bindingProof,
    {
      method: request.method,
      url: request.url,
      accessToken: bound.token,
      beside: 'request',
      second: { to: bound.proof, field: BINDING_PROOF },
    },
    now,
  );
};

export const nothingToRebind = (): OAuthError =>
  new OAuthError('invalid_request', 'the subject token is not bound to a key', {
    violations: [
      {
        field: BINDING_PROOF,
        rule: 'bound_subject',
        message: 'only a token that is bound to one key is exchanged for one bound to another',
        remedy: 'leave it out: what is issued is bound to the key of the DPoP proof',
      },
    ],
  });
