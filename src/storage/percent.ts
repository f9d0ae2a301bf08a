const RESERVED = /[!'()*]/;
const EVERY_RESERVED = /[!'()*]/g;

const percent = (character: string): string =>
  `%${character.charCodeAt(0).toString(16).toUpperCase()}`;

/** Encodes all but RFC 3986 §2.3 unreserved characters, as SigV4 and every URL parser read them alike. */
export const encode = (text: string): string => {
  const encoded = encodeURIComponent(text);
  return RESERVED.test(encoded) ? encoded.replace(EVERY_RESERVED, percent) : encoded;
};

/** A key as a URL path: its slashes stay. */
export const encodeKey = (key: string): string => encode(key).replaceAll('%2F', '/');
