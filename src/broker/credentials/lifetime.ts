import { OAuthError } from '../../protocol/oauth-error.ts';
import { grantsFor } from '../exchange/target.ts';
import { authorityLeft, type Use } from '../use.ts';

/** Seconds that they live; those of a token without a key no longer than such a token does. */
const TTL = { default: 900, unbound: 300, floor: 60, ceiling: 3_600 };

/**
 * Seconds that they live. Only what is asked outside the deployment's floor and ceiling is refused. All else is lowered to every limit there is,
 * to below that floor, too: a shorter life than was asked for harms nobody.
 *
 * @throws {OAuthError} `invalid_request`, also where the sign-in is about to end
 */
export const lifetime = (asked: number | undefined, use: Use, now: Date): number => {
  const { token, app, target, inForce } = use;
  const { floor, ceiling } = inForce.deployment.limits.ttl;
  if (asked !== undefined && (asked < floor || asked > ceiling)) throw outOfRange(floor, ceiling);
  const left = authorityLeft(token, now);
  if (left < TTL.floor) throw aboutToEnd();
  const granted = grantsFor(app, target).map(({ max_ttl }) => max_ttl ?? TTL.ceiling);
  return Math.floor(
    Math.min(
      asked ?? TTL.default,
      left,
      ceiling,
      token.binding === undefined ? TTL.unbound : TTL.ceiling,
      ...granted,
    ),
  );
};

const outOfRange = (floor: number, ceiling: number): OAuthError =>
  new OAuthError('invalid_request', `a credential lives ${floor} to ${ceiling} seconds here`, {
    violations: [
      {
        field: 'ttl',
        rule: 'ttl_range',
        message: `a credential lives ${floor} to ${ceiling} seconds here`,
        remedy: `ask for a ttl from ${floor} to ${ceiling}, or leave it out`,
      },
    ],
  });

const aboutToEnd = (): OAuthError =>
  new OAuthError('invalid_request', 'the sign-in behind this token is about to end', {
    violations: [
      {
        field: 'Authorization',
        rule: 'authority_ends',
        message: `credentials live at least ${TTL.floor} s, and never longer than the sign-in behind them`,
        remedy: 'sign in again',
      },
    ],
  });
