import { BlockList, isIP } from 'node:net';

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/** Judged by name only, without a look-up: closed for whatever merely resolves to this machine. */
export const isLoopback = ({ hostname }: URL): boolean => {
  if (hostname === 'localhost' || hostname.endsWith('.localhost')) return true;
  const address = hostname.replace(/^\[|\]$/g, '');
  const family = isIP(address);
  return family !== 0 && LOOPBACK.check(address, family === 6 ? 'ipv6' : 'ipv4');
};

/** An http or https URL without user information, or nothing. */
export const webUrl = (text: string): URL | undefined => {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) return undefined;
  return url.username === '' && url.password === '' ? url : undefined;
};

/** RFC 3986 §2, and so neither a backslash nor a line break: readers drop or turn those, each in its own way. */
const URI = /^(?:[\w\-.~:/?#[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*$/;

/** Written with the characters of a URI alone, so that everybody reads the same in it */
export const isWrittenAsUri = (text: string): boolean => URI.test(text);

/** https anywhere, http on this machine only. */
export const isSafeTransport = (url: URL): boolean => url.protocol === 'https:' || isLoopback(url);

/** `scheme://host[:port]` exactly as browsers write it in `Origin` (RFC 6454 §6.2). */
export const isOrigin = (text: string): boolean => {
  const url = webUrl(text);
  return url !== undefined && url.origin === text;
};
