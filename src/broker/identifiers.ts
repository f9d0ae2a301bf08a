import { ulid } from 'ulid';
import { randomFrom } from '../protocol/random.ts';
import { shortNameOf } from '../protocol/short-name.ts';

/** Identifiers name things on record. They sort by time, and none is ever a secret. */
const identifier = (prefix: string) => (now: Date) =>
  `${prefix}_${ulid(now.getTime(), fractions())}`;

/** Characters of a ULID that are random, and bytes for each: more bits than a character takes. */
const RANDOM_CHARACTERS = 16;
const BYTES = 2;

/** Random numbers in [0, 1), drawn together. */
const fractions = (): (() => number) => {
  const bytes = randomFrom(RANDOM_CHARACTERS * BYTES);
  let next = 0;
  // Leans closed: one more than were drawn is a RangeError.
  return () => bytes.readUInt16BE(BYTES * next++) / 65_536;
};

export const newTokenId = identifier('tk');
export const newObjectId = identifier('ob');
export const newTicketId = identifier('ti');
export const newCredentialId = identifier('cc');
export const newRevocationId = identifier('rv');

/** `d_` + the thumbprint of the DPoP key or the client certificate, until a device is attested. */
export const deviceIdOf = (thumbprint: string): string => `d_${thumbprint}`;

/** `g_` + 26 characters derived from the hash of the sign-in: one for each ID token. */
export const grantIdOf = (rootHash: string): string => `g_${shortNameOf(`grant\0${rootHash}`)}`;

/** `s_` + 26 characters derived from issuer and `sid`: a company's session, by a name no other issuer can give one. */
export const sessionIdOf = (issuer: string, sessionId: string): string =>
  `s_${shortNameOf(`session\0${issuer}\0${sessionId}`)}`;

export const newRefreshFamilyId = identifier('rf');
export const newSignInId = (): string => `si_${randomFrom(24).toString('base64url')}`;
