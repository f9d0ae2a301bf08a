import { errors } from 'oidc-provider';
import { isFapi2, misfitOf } from '../broker/app-profile.ts';
import type { App } from '../config/deployment.ts';
import { mayBeAssertion } from './jwt-type.ts';

/** Seconds a client assertion may lie ahead of now: long enough for skew, short enough to remember. */
export const ASSERTION_LIFE = 300;

/** Seconds by which a client's clock may differ from ours. */
export const TOLERANCE = 10;

/** What an assertion is judged by, besides what it says (RFC 7523 §3). */
export interface AssertionCircumstances {
  readonly issuer: string;
  readonly app: App | undefined;
  readonly header: Readonly<Record<string, unknown>>;
  readonly now: Date;
}

/**
 * An assertion is for this issuer alone, and for minutes (security.md J08). The library compares times with
 * the clock of this machine; here they are compared with the ledger's, as everything else is (law 8).
 */
export const mustBeForUs = (
  claims: Readonly<Record<string, unknown>>,
  { issuer, app, header, now }: AssertionCircumstances,
): void => {
  const seconds = now.getTime() / 1000;
  const { aud, exp, iat, nbf, sub, iss } = claims;
  // RFC 9101 §10.8: what asks for something does not also prove who asks.
  if (!mayBeAssertion(header.typ)) throw new errors.InvalidClientAuth('typ of another JWT');
  if (!isFor(aud, issuer, app)) throw new errors.InvalidClientAuth('aud must be the issuer, alone');
  if (sub !== iss) throw new errors.InvalidClientAuth('iss and sub must both be the client');
  if (typeof exp !== 'number' || exp > seconds + ASSERTION_LIFE) {
    throw new errors.InvalidClientAuth('exp is too far ahead');
  }
  if (exp <= seconds - TOLERANCE) throw new errors.InvalidClientAuth('expired');
  if (iat !== undefined && (typeof iat !== 'number' || iat > seconds + TOLERANCE)) {
    throw new errors.InvalidClientAuth('iat is in the future');
  }
  const misfit = misfitOf(app, { alg: header.alg, iat, nbf }, now);
  if (misfit !== undefined) throw new errors.InvalidClientAuth(misfit);
};

/** FAPI 2.0 §5.3.2.1-8: as a string; others may send it as a list of one. */
const isFor = (aud: unknown, issuer: string, app: App | undefined): boolean =>
  aud === issuer || (!isFapi2(app) && Array.isArray(aud) && aud.length === 1 && aud[0] === issuer);
