import type { IssuanceRefusal } from '../../ledger/ledger.ts';
import { OAuthError, unproven } from '../../protocol/oauth-error.ts';

/** What has nothing to do with who asks, and is decided again. */
type Passing = 'stale_configuration' | 'overtaken';

export const isPassing = (refusal: IssuanceRefusal): refusal is Passing =>
  refusal === 'stale_configuration' || refusal === 'overtaken';

/** Why the ledger would not record it, in the caller's terms. */
export const refused = (refusal: Exclude<IssuanceRefusal, Passing>): OAuthError => {
  switch (refusal) {
    case 'blocked':
      return new OAuthError('access_denied', 'the security team has blocked this', {
        detail: 'blocked by a revocation',
        violations: [
          {
            field: 'app_id',
            rule: 'blocked',
            message: 'the app, the user or the device is blocked',
            remedy: 'ask the security team to lift the block',
          },
        ],
      });
    case 'revoked':
      return unproven('revoked, or signed in before a revocation');
    case 'bound_to_another_key':
      return unproven('the ID token was first exchanged with another key');
    case 'replayed_sign_in':
      return unproven('the ID token was used before');
    case 'replayed_code':
      return replayedCode();
    case 'replayed_proof':
      return replayedProof();
  }
};

/** RFC 6749 §4.1.2, §5.2 */
class ReplayedCode extends OAuthError {}

/** What was already issued for the code may then be in the wrong hands: whoever redeems codes ends it. */
export const isReplayedCode = (error: unknown): boolean => error instanceof ReplayedCode;

export const replayedCode = (): OAuthError =>
  new ReplayedCode('invalid_grant', 'the authorization code is not good, or not good any more', {
    detail: 'authorization code: used before',
    violations: [CODE_NOT_GOOD],
  });

/** Says nothing of what was wrong: whoever brings a code may have found it. */
export const CODE_NOT_GOOD = {
  field: 'code',
  rule: 'not_acceptable',
  message: 'it is not valid, has expired, was used before, or is not for this client and request',
  remedy: 'send the person to /authorize again, and redeem the code once, within a minute',
} as const;

/** Reads like every proof that is not acceptable (`identity/dpop`): only `detail` tells. */
export const replayedProof = (status?: number): OAuthError =>
  new OAuthError('invalid_dpop_proof', 'the DPoP proof is not acceptable', {
    detail: 'proof seen before',
    violations: [
      {
        field: 'DPoP',
        rule: 'proof',
        message: 'the DPoP proof is not acceptable',
        remedy: 'send one fresh proof for this method and URL, with the nonce from DPoP-Nonce',
      },
    ],
    ...(status === undefined ? {} : { status }),
  });
