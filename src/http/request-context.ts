import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import type { RequestContext } from '../broker/context.ts';
import type { ClientCertificateOf } from './client-certificate.ts';
import { createTrustedProxies, plain } from './trusted-proxies.ts';

/** W3C Trace Context §3.2: version, 32 hex digits of trace id, parent, flags. */
const TRACEPARENT = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$/;

/**
 * @param trustedProxies addresses and CIDR blocks whose forwarded headers are believed.
 * @param issuer whose own pages, such as /docs, come from no origin of another.
 * @param certificateOf none, unless told where certificates come from.
 */
export const createRequestContext = (
  trustedProxies: readonly string[],
  issuer: string,
  certificateOf: ClientCertificateOf = () => undefined,
) => {
  const own = new URL(issuer).origin;
  const isTrusted = createTrustedProxies(trustedProxies);

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
      certificate: certificateOf(request),
    };
  };
};

const header = (request: IncomingMessage, name: string): string =>
  String(request.headers[name] ?? '');
