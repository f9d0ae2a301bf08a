const RESERVED = /[!'()*]/g;

const percent = (character: string): string =>
  `%${character.charCodeAt(0).toString(16).toUpperCase()}`;

/** Encodes all but RFC 3986 §2.3 unreserved characters, as SigV4 and every URL parser read them alike. */
export const encode = (text: string): string => encodeURIComponent(text).replace(RESERVED, percent);

/** A key as a URL path: its slashes stay. */
export const encodeKey = (key: string): string => encode(key).replaceAll('%2F', '/');
