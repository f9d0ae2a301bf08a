import type { App, Grant, Limits } from '../../config/deployment.ts';
import { expiryOf } from '../../config/expiry.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import type { Authority } from './authority.ts';

/** What bounds how long a credential may live. All in seconds. */
export interface LifetimeBounds {
  readonly limits: Limits['ttl'];
  readonly grant: Pick<Grant, 'max_ttl'> | undefined;
  /** What the authority behind it and the app have left. */
  readonly left: number;
  readonly bound: boolean;
}

/** An unbound token is anybody's who finds it: it lives five minutes at most. */
const UNBOUND_CEILING = 300;

/**
 * The seconds a credential will live: as asked, lowered to every limit that is not the deployment's own.
 *
 * @throws {OAuthError} `invalid_request` when `asked` is outside the deployment's floor and ceiling, or
 *   when the authority ends before the floor is reached.
 */
export const settleLifetime = (asked: number | undefined, bounds: LifetimeBounds): number => {
  const { floor, ceiling, default: usual } = bounds.limits;
  if (asked !== undefined && (asked < floor || asked > ceiling)) {
    throw refusal('ttl', 'ttl_range', `a credential lives ${floor} to ${ceiling} seconds here`, {
      remedy: `ask for a ttl from ${floor} to ${ceiling}, or leave it out for ${usual}`,
    });
  }
  const { left } = bounds;
  if (left < floor) {
    throw refusal(
      'subject_token',
      'authority_ends',
      'the sign-in behind this request, or the registration of the app, is about to end',
      {
        remedy: 'sign in again; if that does not help, have the registration of the app renewed',
      },
    );
  }
  const ttl = Math.min(
    asked ?? usual,
    bounds.grant?.max_ttl ?? ceiling,
    left,
    bounds.bound ? ceiling : UNBOUND_CEILING,
  );
  return Math.floor(ttl);
};

/** Seconds until the authority behind a request, or the registration of the app, ends. */
export const secondsLeft = (authority: Authority, app: App, now: Date): number =>
  Math.min(authority.expiresAt?.getTime() ?? Number.POSITIVE_INFINITY, expiryOf(app) * 1000) /
    1000 -
  now.getTime() / 1000;

/** Steps in which what is left may be understated without anyone seeing it. */
const COARSE = [7_200, 3_600, 1_800, 900, 600, 300, 120];

/**
 * What is left, rounded down so far that requests minutes apart are equal; exact where `wanted` needs it.
 */
export const coarselyLeft = (left: number, wanted: number): number => {
  const step = COARSE.find((seconds) => seconds <= left) ?? 0;
  return wanted <= step ? step : left;
};

const refusal = (field: string, rule: string, message: string, { remedy }: { remedy: string }) =>
  new OAuthError('invalid_request', message, { violations: [{ field, rule, message, remedy }] });
