import type { TokenRecord } from '../../ledger/records.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import { authorityLeft } from '../use.ts';

/** Seconds a presigned upload lives. */
const TTL = { default: 300, floor: 120, ceiling: 900 };

/** Seconds; never longer than the sign-in behind the token. @throws {OAuthError} where that is about to end. */
export const uploadLifetime = (
  asked: number | undefined,
  token: TokenRecord,
  now: Date,
): number => {
  const left = authorityLeft(token, now);
  if (left < TTL.floor) {
    throw new OAuthError('invalid_request', 'the sign-in behind this token is about to end', {
      violations: [
        {
          field: 'Authorization',
          rule: 'authority_ends',
          message: `an upload lives at least ${TTL.floor} s, and never longer than the sign-in behind it`,
          remedy: 'sign in again',
        },
      ],
    });
  }
  return Math.floor(Math.min(asked ?? TTL.default, left, TTL.ceiling));
};
