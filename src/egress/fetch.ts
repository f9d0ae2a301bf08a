import { lookup as resolveName } from 'node:dns/promises';
import type { LookupFunction } from 'node:net';
import { Agent, request } from 'undici';
import { type Address, type Destination, type Lookup, settle } from './destination.ts';
import { EgressError } from './egress-error.ts';

export interface FetchOptions {
  /** Development only: http and https to 127.0.0.0/8, `::1` and `localhost`, on any port. */
  readonly allowLoopback: boolean;
  /** Milliseconds for everything: name, connection, headers and body. */
  readonly timeoutMs?: number;
  /** Bytes of body, inclusive. */
  readonly maxBytes?: number;
  readonly lookup?: Lookup;
}

export interface FetchInit {
  readonly method?: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

export interface FetchResponse {
  readonly status: number;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

/** @throws {EgressError} whatever the reason, with one and the same message. */
export type Fetch = (url: string, init?: FetchInit) => Promise<FetchResponse>;

/** Hands the connection the addresses that were checked, so a second DNS answer is never heard. */
const pinned =
  (addresses: readonly Address[]): LookupFunction =>
  (_hostname, options, done) => {
    const [first] = addresses;
    if (options.all) done(null, [...addresses]);
    else done(null, first?.address ?? '', first?.family);
  };

const connectTo = ({ addresses }: Destination, timeoutMs: number): Agent =>
  new Agent({
    connect: { lookup: pinned(addresses), timeout: timeoutMs },
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    allowH2: false,
  });

/** Rejects when the time is up, for work such as name resolution that cannot be called off. */
const within = <T>(deadline: AbortSignal, work: Promise<T>): Promise<T> => {
  const expiry = Promise.withResolvers<never>();
  deadline.addEventListener('abort', () => expiry.reject(deadline.reason), { once: true });
  return Promise.race([work, expiry.promise]);
};

const collect = async (body: AsyncIterable<Buffer>, maxBytes: number): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > maxBytes) throw new EgressError('answer is too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
};

const asEgressError = (error: unknown): EgressError =>
  error instanceof EgressError ? error : new EgressError('no complete answer in time', error);

/**
 * Egress: may we call out there?
 *
 * https to public addresses, no redirects, bounded in size and time; it does not know what for. A
 * connection is made only to addresses that were checked, and only after all of them were.
 */
export const createFetch = ({
  allowLoopback,
  timeoutMs = 5000,
  maxBytes = 512 * 1024,
  lookup = (hostname) => resolveName(hostname, { all: true }),
}: FetchOptions): Fetch => {
  const exchange = async (
    destination: Destination,
    { method = 'GET', headers = {}, body }: FetchInit,
    signal: AbortSignal,
  ): Promise<FetchResponse> => {
    const dispatcher = connectTo(destination, timeoutMs);
    try {
      const response = await request(destination.url, {
        dispatcher,
        method,
        signal,
        headers: { accept: 'application/json', ...headers },
        body: body ?? null,
      });
      // A body nobody reads still reports its own end.
      response.body.on('error', () => undefined);
      // A redirect would be followed past every check made here: it is an error, whoever sent it.
      if (response.statusCode >= 300 && response.statusCode < 400) {
        throw new EgressError('answer is a redirect');
      }
      return {
        status: response.statusCode,
        headers: response.headers,
        body: await collect(response.body, maxBytes),
      };
    } finally {
      // One connection for one call: none is kept that was checked for another.
      dispatcher.destroy().catch(() => undefined);
    }
  };

  return async (url, init = {}) => {
    const deadline = AbortSignal.timeout(timeoutMs);
    try {
      const destination = await within(deadline, settle(url, { allowLoopback, lookup }));
      return await exchange(destination, init, deadline);
    } catch (error) {
      throw asEgressError(error);
    }
  };
};
