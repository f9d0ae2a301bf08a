import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, Server as NetServer } from 'node:net';
import type { Config } from '../config/config.ts';
import { mustNameHost, refuseBrokenRequests } from '../http/broken-request.ts';

/** Milliseconds. A client that dawdles over its headers holds a socket, not the broker. */
const TIMEOUTS = { headersTimeout: 10_000, requestTimeout: 60_000, keepAliveTimeout: 5_000 };

/** Milliseconds for which a connection that seems idle is kept when closing: a request may be on its way. */
const LINGER = 500;

export interface Listening {
  readonly server: Server;
  readonly port: number;
  /** Takes no new connections, answers what comes on the ones there are, and ends them. */
  close(graceMilliseconds: number): Promise<void>;
}

/** Listens, and says on which port: 0 takes a free one. */
export const listen = async (
  handler: RequestListener,
  { host, port, tls }: { readonly host: string; readonly port: number } & Pick<Config, 'tls'>,
): Promise<Listening> => {
  const options = { ...TIMEOUTS, maxHeaderSize: 24 * 1024, requireHostHeader: false };
  const server = tls
    ? createTlsServer({ ...options, ...secure(tls) }, mustNameHost(handler))
    : createServer(options, mustNameHost(handler));
  refuseBrokenRequests(server);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => resolve());
  });
  return {
    server,
    port: (server.address() as AddressInfo).port,
    close: (grace) => close(server, grace),
  };
};

/** Milliseconds: whoever does not finish a handshake holds a socket, not the broker. */
const HANDSHAKE_TIMEOUT = 10_000;

/** Of TLS 1.2, the suites that BCP 195 recommends (RFC 9325 §4.2): forward secret, authenticated encryption. */
const CIPHERS = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
].join(':');

/**
 * A certificate is asked for, and none is required: public apps have none, and a key may be proven by one that no CA
 * of ours knows. What it is good for is decided where it is used, by `socket.authorized`.
 */
const secure = ({ certificate: cert, key, clientCa }: NonNullable<Config['tls']>) => ({
  cert,
  key,
  minVersion: 'TLSv1.2' as const,
  ciphers: CIPHERS,
  handshakeTimeout: HANDSHAKE_TIMEOUT,
  ...(clientCa !== undefined && { ca: clientCa, requestCert: true, rejectUnauthorized: false }),
});

const close = (server: Server, grace: number): Promise<void> =>
  new Promise((resolve) => {
    // Whoever asks once more is told to ask elsewhere from then on.
    server.prependListener('request', (_, response) => response.setHeader('Connection', 'close'));
    const idle = setInterval(() => server.closeIdleConnections(), Math.min(LINGER, grace));
    const cut = setTimeout(() => server.closeAllConnections(), grace);
    // http's own close ends idle connections at once, also one with an unread request in it.
    NetServer.prototype.close.call(server, () => {
      clearInterval(idle);
      clearTimeout(cut);
      resolve();
    });
  });

/** What the authorization server library reads of a request's addresses: the configured ones, never the sent ones. */
export const pinHost = (request: IncomingMessage, issuer: string): void => {
  const { protocol, host } = new URL(issuer);
  request.headers.host = host;
  request.headers['x-forwarded-proto'] = protocol.slice(0, -1);
  request.headers['x-forwarded-host'] = host;
  delete request.headers['x-forwarded-for'];
};
