const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]']);

export const isLoopback = ({ hostname }: URL): boolean => LOOPBACK.has(hostname);

/**
 * The endpoint of a provider: an origin and nothing more, with TLS unless it never leaves the machine.
 * Leans closed: undefined for whatever is not plainly that.
 */
export const endpointOrigin = (text: string): URL | undefined => {
  const url = URL.parse(text);
  if (url === null || (text !== url.origin && text !== `${url.origin}/`)) return undefined;
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url))
    ? url
    : undefined;
};
