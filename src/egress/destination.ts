import { isIP } from 'node:net';
import { isLoopback, isPublic } from './address.ts';
import { EgressError } from './egress-error.ts';

/** A resolved address, in the shape `node:dns` gives it. */
export interface Address {
  readonly address: string;
  readonly family: number;
}

/** Every address of a host name. Rejects when there is none. */
export type Lookup = (hostname: string) => Promise<readonly Address[]>;

/** Where a call may go: connections use these addresses and ask no resolver again. */
export interface Destination {
  readonly url: URL;
  readonly addresses: readonly Address[];
}

const HTTPS_PORT = 443;
const FIRST_UNPRIVILEGED_PORT = 1024;

/** Odd spellings of an address (octal, hex, decimal, short) are ordinary ones once WHATWG URL has read them. */
const parse = (text: string): URL => {
  const url = URL.parse(text);
  if (!url) throw new EgressError('not a URL');
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw new EgressError('scheme');
  // Credentials in a URL end up in logs, and `good@evil` reads as the wrong host.
  if (url.username !== '' || url.password !== '') throw new EgressError('user information in URL');
  return url;
};

const hostOf = (url: URL): string => url.hostname.replace(/^\[|\]$/g, '');

/** Only by these spellings: a public name that resolves to loopback is rebinding, not development. */
const namesLoopback = (host: string): boolean => host === 'localhost' || isLoopback(host);

const mustBePublicService = (url: URL): void => {
  if (url.protocol !== 'https:') throw new EgressError('http to a host that is not loopback');
  const port = url.port === '' ? HTTPS_PORT : Number(url.port);
  // Mail, SSH and their like live below 1024: TLS to them is a port scan, not a key set.
  if (port !== HTTPS_PORT && port < FIRST_UNPRIVILEGED_PORT) throw new EgressError('port');
};

const resolve = async (host: string, lookup: Lookup): Promise<readonly Address[]> => {
  const family = isIP(host);
  return family === 0 ? lookup(host) : [{ address: host, family }];
};

/**
 * Where `text` leads, resolved once and found permissible, before any connection is made.
 *
 * Leans closed: one bad address among many refuses the name, since the system picks which to use.
 *
 * @throws {EgressError} when it may not be called.
 */
export const settle = async (
  text: string,
  { allowLoopback, lookup }: { readonly allowLoopback: boolean; readonly lookup: Lookup },
): Promise<Destination> => {
  const url = parse(text);
  const host = hostOf(url);
  const loopback = allowLoopback && namesLoopback(host);
  if (!loopback) mustBePublicService(url);

  const addresses = await resolve(host, lookup);
  const permissible = loopback ? isLoopback : isPublic;
  if (addresses.length === 0) throw new EgressError('host has no address');
  if (!addresses.every(({ address }) => permissible(address))) {
    throw new EgressError('host has an address that may not be called');
  }
  return { url, addresses };
};
