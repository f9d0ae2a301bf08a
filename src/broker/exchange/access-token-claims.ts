import type { Binding, TokenRecord } from '../../ledger/records.ts';
import type { Actor } from '../../protocol/principal.ts';
import { statusClaim } from '../revocation/status-list.ts';

/** RFC 8693 §4.1: the newest outside, each holding the one before it. */
const actClaim = ([newest, ...others]: readonly Actor[]): object => ({
  sub: newest?.subject,
  iss: newest?.issuer,
  ...(others.length > 0 && { act: actClaim(others) }),
});

/** RFC 7800 §3.1, in the members of RFC 9449 §6.1 and RFC 8705 §3.1. */
const confirmationOf = ({ method: _, ...confirmation }: Binding): object => confirmation;

/** RFC 9068 §2.2, with `cnf` (RFC 9449 §6.1, RFC 8705 §3.1) and what a resource server needs to enforce offline. */
export const accessTokenClaims = (token: TokenRecord, issuer: string): object => ({
  iss: issuer,
  sub: token.userId ?? token.subject,
  aud: token.resource,
  client_id: token.appId,
  jti: token.tokenId,
  iat: Math.floor(token.issuedAt.getTime() / 1000),
  exp: token.expiresAt.getTime() / 1000,
  scope: token.scopes.join(' '),
  ...(token.binding && { cnf: confirmationOf(token.binding) }),
  ...(token.actors.length > 0 && { act: actClaim(token.actors) }),
  ...(token.authorizationDetails.length > 0 && {
    authorization_details: token.authorizationDetails,
  }),
  tenant: token.tenantId,
  app_id: token.appId,
  ...(token.deviceId !== undefined && { device_id: token.deviceId }),
  policy: token.policyDigest,
  ...(token.statusIndex !== undefined && { status: statusClaim(issuer, token.statusIndex) }),
});
