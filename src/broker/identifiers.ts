import { hash } from 'node:crypto';
import { ulid } from 'ulid';
import { randomFrom } from '../protocol/random.ts';
import { shortName } from '../protocol/short-name.ts';

/** Identifiers name things on record. They sort by time, and none is ever a secret. */
const identifier = (prefix: string) => (now: Date) => `${prefix}_${ulid(now.getTime(), fraction)}`;

/** A random number in [0, 1), of more bits than one character of a ULID takes. */
const fraction = (): number => randomFrom(2).readUInt16BE() / 65_536;

export const newTokenId = identifier('tk');
export const newObjectId = identifier('ob');
export const newTicketId = identifier('ti');
export const newCredentialId = identifier('cc');
export const newRevocationId = identifier('rv');

/** `d_` + the thumbprint of the DPoP key or the client certificate, until a device is attested. */
export const deviceIdOf = (thumbprint: string): string => `d_${thumbprint}`;

/** `g_` + 26 characters derived from the hash of the sign-in: one for each ID token. */
export const grantIdOf = (rootHash: string): string =>
  `g_${shortName(hash('sha256', `grant\0${rootHash}`, 'buffer'))}`;

/** `s_` + 26 characters derived from issuer and `sid`: a company's session, by a name no other issuer can give one. */
export const sessionIdOf = (issuer: string, sessionId: string): string =>
  `s_${shortName(hash('sha256', `session\0${issuer}\0${sessionId}`, 'buffer'))}`;

export const newRefreshFamilyId = identifier('rf');
export const newSignInId = (): string => `si_${randomFrom(24).toString('base64url')}`;
