/** Does what an app presents fit the profile it has chosen? It knows no other rule that an app must keep. */
import type { App } from '../config/deployment.ts';
import type { Proof } from '../identity/dpop.ts';
import type { TokenRecord } from '../ledger/records.ts';
import { FAPI2, FAPI2_ALGORITHMS, FAPI2_LONGEST_AHEAD } from '../protocol/fapi2.ts';
import { OAuthError, unproven } from '../protocol/oauth-error.ts';

export const isFapi2 = (app: Pick<App, 'profile'> | undefined): boolean => app?.profile === FAPI2;

/** How a client signed something, and when it says it did. */
export interface Signed {
  readonly alg: unknown;
  /** Epoch seconds; absent where it says nothing. */
  readonly iat?: unknown;
  readonly nbf?: unknown;
}

/** FAPI 2.0 §5.3.2.1-13, §5.4.1. @returns what does not fit; undefined where all does, or the app has no profile. */
export const misfitOf = (
  app: Pick<App, 'profile'> | undefined,
  { alg, iat, nbf }: Signed,
  now: Date,
): string | undefined => {
  if (!isFapi2(app)) return undefined;
  if (!FAPI2_ALGORITHMS.includes(String(alg))) return 'alg is not one of the profile';
  const latest = now.getTime() / 1000 + FAPI2_LONGEST_AHEAD;
  const isAhead = [iat, nbf].some((at) => typeof at === 'number' && at > latest);
  return isAhead ? 'made more than 60 s from now' : undefined;
};

/** @throws {OAuthError} `invalid_dpop_proof` */
export const mustFitProfile = (
  app: Pick<App, 'profile'> | undefined,
  proof: Proof | undefined,
  now: Date,
  status: 400 | 401 = 400,
): void => {
  const misfit = proof && misfitOf(app, proof, now);
  if (misfit === undefined) return;
  throw new OAuthError('invalid_dpop_proof', 'the DPoP proof does not fit the profile of the app', {
    status,
    detail: misfit,
    violations: [
      {
        field: 'DPoP',
        rule: 'profile',
        message: `FAPI 2.0: ${misfit}`,
        remedy: `sign with ${FAPI2_ALGORITHMS.join(', ')}, and set the clock`,
      },
    ],
  });
};

/**
 * FAPI 2.0 §5.3.2.1-4, also for tokens that are out already: those of before the profile was switched on.
 *
 * @throws {OAuthError} `invalid_token`
 */
export const mustBeBoundUnderProfile = (
  app: Pick<App, 'profile'> | undefined,
  { binding }: Pick<TokenRecord, 'binding'>,
): void => {
  if (isFapi2(app) && binding === undefined) throw unproven('unbound, of an app of FAPI 2.0');
};
