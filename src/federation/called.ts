/** Characters: a name is read at a glance, or it is not one. */
const LONGEST = 64;

/** Of the claims of OpenID Connect Core §5.1 those that people go by, in the order they would know themselves. */
const NAMES = ['name', 'preferred_username', 'nickname'] as const;

/**
 * What a person is called at their company, for them to recognise themselves by: a name, an e-mail address, or both.
 * It identifies nobody: two people may be called alike, and an IdP may let everyone choose.
 *
 * @returns undefined where the claims have nothing that reads as one.
 */
export const calledIn = (claims: Readonly<Record<string, unknown>>): string | undefined => {
  const name = NAMES.map((each) => legible(claims[each])).find((each) => each !== undefined);
  const email = legible(claims.email);
  if (name === undefined || email === undefined || name === email) return name ?? email;
  return `${name} (${email})`;
};

/** Leans closed: what could reorder or hide the words around it (controls, format characters) is no name. */
const legible = (claim: unknown): string | undefined => {
  if (typeof claim !== 'string') return undefined;
  const text = claim.trim();
  if (text === '' || text.length > LONGEST || /[\p{C}\p{Zl}\p{Zp}]/u.test(text)) return undefined;
  return text;
};
