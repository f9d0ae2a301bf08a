/** RFC 8725 §3.11: what a JWT says it is. One that says nothing is judged by its claims. */
const isOfType = (typ: unknown, type: string): boolean => {
  if (typ === undefined) return true;
  // RFC 7515 §4.1.9: a media type, whose `application/` may be left out.
  const said = String(typ)
    .toLowerCase()
    .replace(/^application\//, '');
  return said === 'jwt' || said === type;
};

/** RFC 9101 §4, §10.8 */
export const mayBeRequest = (typ: unknown): boolean => isOfType(typ, 'oauth-authz-req+jwt');

/** RFC 7523 knows no type; its revision has one, and no other JWT that a client signs has that. */
export const mayBeAssertion = (typ: unknown): boolean => isOfType(typ, 'client-authentication+jwt');
