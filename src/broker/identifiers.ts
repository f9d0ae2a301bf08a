import { ulid } from 'ulid';

/** Identifiers name things on record. They sort by time, and none is ever a secret. */
const identifier = (prefix: string) => (now: Date) => `${prefix}_${ulid(now.getTime())}`;

export const newTokenId = identifier('tk');
export const newObjectId = identifier('ob');
export const newTicketId = identifier('ti');
export const newRevocationId = identifier('rv');

/** `d_` + the thumbprint of the DPoP key, until a device is attested. */
export const deviceIdOf = (jkt: string): string => `d_${jkt}`;
