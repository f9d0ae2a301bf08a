/** Addresses that are an IPv4 one in another notation (RFC 4291 §2.5.5.2, RFC 6052 §2.1), as whole groups. */
const OF_IPV4: ReadonlySet<string> = new Set(['0:0:0:0:0:ffff', '64:ff9b:0:0:0:0']);

/**
 * Whose an address is: an IPv4 address is one client's, and of IPv6 a /64, of which anybody has 2^64 addresses.
 *
 * @param ip absent for a connection that is gone: those share one name, which leans closed.
 */
export const networkOf = (ip: string | undefined): string => {
  if (ip === undefined) return 'unknown';
  if (!ip.includes(':')) return ip;
  const groups = groupsOf(ip);
  if (groups === undefined) return 'unknown';
  if (OF_IPV4.has(groups.slice(0, 6).join(':'))) {
    return groups
      .slice(6)
      .map((group) => Number.parseInt(group, 16))
      .flatMap((bits) => [bits >> 8, bits & 255])
      .join('.');
  }
  return `${groups.slice(0, 4).join(':')}::/64`;
};

/** All eight, in lower case and without leading zeros, however the address is written. */
const groupsOf = (ip: string): readonly string[] | undefined => {
  const [address = ''] = ip.split('%');
  // The URL parser knows every way to write one, and has one way itself (RFC 5952).
  const written = URL.parse(`http://[${address}]`)?.hostname.slice(1, -1);
  if (written === undefined) return undefined;
  const [head = [], tail] = written.split('::').map((part) => part.split(':').filter(Boolean));
  if (tail === undefined) return head;
  return [...head, ...Array<string>(8 - head.length - tail.length).fill('0'), ...tail];
};
