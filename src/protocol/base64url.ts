/**
 * The bytes `text` spells, or undefined where it is not the one canonical spelling of them.
 *
 * Padding, white space, the `+/` alphabet and non-zero bits after the last byte are refused
 * (RFC 7515 §2, RFC 4648 §3.5), although Node would decode them: one value has one spelling, so a
 * token that was refused, revoked or used up cannot come back respelled.
 */
export const decodeBase64url = (text: string): Buffer | undefined => {
  const bytes = Buffer.from(text, 'base64url');
  return bytes.toString('base64url') === text ? bytes : undefined;
};
