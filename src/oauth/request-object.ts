import { errors } from 'oidc-provider';
import { misfitOf } from '../broker/app-profile.ts';
import type { App } from '../config/deployment.ts';
import { mayBeRequest } from './jwt-type.ts';

/** Seconds a request object may lie ahead of now: as client assertions. */
const REQUEST_LIFE = 300;

/** What a request object is judged by, besides what it says (RFC 9101 §6). */
export interface RequestCircumstances {
  readonly app: App | undefined;
  readonly clientId: string;
  readonly header: Readonly<Record<string, unknown>>;
  readonly now: Date;
}

type Claims = Readonly<Record<string, unknown>>;

/** @throws {InvalidRequestObject} where it is another JWT of the client's, or not for now, or short of the profile. */
export const mustBeRequest = (
  claims: Claims,
  { app, clientId, header, now }: RequestCircumstances,
): void => {
  mustBeNothingElse(claims, header.typ, clientId);
  mustBeFresh(claims, now);
  const misfit = misfitOf(app, { ...claims, alg: header.alg }, now);
  if (misfit !== undefined) throw new errors.InvalidRequestObject(misfit);
};

/**
 * RFC 9101 §10.8: one key signs client assertions and requests. Leans closed: whatever would do as an assertion is
 * no request, however it is typed.
 */
const mustBeNothingElse = (claims: Claims, typ: unknown, clientId: string): void => {
  if (!mayBeRequest(typ))
    throw new errors.InvalidRequestObject('typ must be oauth-authz-req+jwt, where there is one');
  if (claims.sub === clientId)
    throw new errors.InvalidRequestObject('sub must not be the client: that is an assertion');
  // §4: all that RFC 6749 §4.1.1 requires is in it.
  if (claims.client_id !== clientId || claims.response_type === undefined)
    throw new errors.InvalidRequestObject('client_id and response_type must be in the request');
};

/** §10.2: a request object is for now. */
const mustBeFresh = ({ exp, iat }: Claims, now: Date): void => {
  const seconds = now.getTime() / 1000;
  const isSound = typeof exp === 'number' && exp > seconds && exp <= seconds + REQUEST_LIFE;
  const isOfPast = iat === undefined || (typeof iat === 'number' && iat <= seconds + 10);
  if (isSound && isOfPast) return;
  throw new errors.InvalidRequestObject('exp must be there, and within the next five minutes');
};
