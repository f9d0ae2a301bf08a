import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { BlockList, isIP, isIPv6 } from 'node:net';
import type { RequestContext } from '../broker/context.ts';

/** W3C Trace Context §3.2: version, 32 hex digits of trace id, parent, flags. */
const TRACEPARENT = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$/;

/**
 * @param trustedProxies addresses and CIDR blocks whose forwarded headers are believed.
 * @param issuer whose own pages, such as /docs, come from no origin of another.
 */
export const createRequestContext = (trustedProxies: readonly string[], issuer: string) => {
  const own = new URL(issuer).origin;
  const trusted = new BlockList();
  for (const range of trustedProxies) {
    const [network = '', bits] = range.split('/');
    const family = isIPv6(network) ? 'ipv6' : 'ipv4';
    trusted.addSubnet(network, Number(bits ?? (family === 'ipv6' ? 128 : 32)), family);
  }
  const isTrusted = (address: string): boolean =>
    trusted.check(plain(address), isIPv6(plain(address)) ? 'ipv6' : 'ipv4');

  /**
   * The address nearest to the client that a trusted hop vouches for. Without trusted proxies forwarded
   * headers are ignored: anybody can write them.
   */
  const clientAddress = (request: IncomingMessage): string | undefined => {
    const hops = header(request, 'x-forwarded-for')
      .split(',')
      .map((hop) => hop.trim())
      .filter(Boolean);
    let address = request.socket.remoteAddress;
    // A hop that is no address (`unknown`, a name, anything at all) ends what can be believed.
    while (address !== undefined && isTrusted(address) && isIP(hops.at(-1) ?? '') !== 0) {
      address = hops.pop();
    }
    return address === undefined ? undefined : plain(address);
  };

  return (request: IncomingMessage): RequestContext => {
    const origin = header(request, 'origin');
    return {
      requestId: randomUUID(),
      ip: clientAddress(request),
      traceId: TRACEPARENT.exec(header(request, 'traceparent'))?.[1],
      origin: origin === '' || origin === own ? undefined : origin.slice(0, 255),
    };
  };
};

/** IPv4 as IPv4, also where the socket is an IPv6 one. */
const plain = (address: string): string => address.replace(/^::ffff:(?=\d+\.)/, '');

const header = (request: IncomingMessage, name: string): string =>
  String(request.headers[name] ?? '');
