import { hash } from 'node:crypto';

const CROCKFORD = '0123456789abcdefghjkmnpqrstvwxyz';
const LENGTH = 26;

/**
 * What identifiers made of a hash are written as: its first 130 bits, most significant first, in 26
 * characters of Crockford's base 32. One cannot be found for a given other.
 */
export const shortName = (digest: Buffer): string => {
  let name = '';
  for (let bit = 0; bit < 5 * LENGTH; bit += 5) {
    const window = digest.readUInt16BE(bit >> 3);
    name += CROCKFORD.charAt((window >> (11 - (bit & 7))) & 31);
  }
  return name;
};

/** Names remembered at once. */
const REMEMBERED = 8_192;
const remembered = new Map<string, string>();

/** The short name of the SHA-256 of `text`. The same people, sign-ins and sessions are named again every few minutes. */
export const shortNameOf = (text: string): string => {
  const known = remembered.get(text);
  if (known !== undefined) return known;
  const name = shortName(hash('sha256', text, 'buffer'));
  // Begun anew where it is full: whoever makes up names pays for it with everybody's, and no more than before.
  if (remembered.size >= REMEMBERED) remembered.clear();
  remembered.set(text, name);
  return name;
};
