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
