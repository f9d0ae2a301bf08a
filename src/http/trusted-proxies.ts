import { BlockList, isIPv6 } from 'node:net';

/** Whether an address is one of ours, whose word about others is believed. */
export type IsTrustedProxy = (address: string) => boolean;

/** @param ranges addresses and CIDR blocks. */
export const createTrustedProxies = (ranges: readonly string[]): IsTrustedProxy => {
  if (ranges.length === 0) return () => false;
  const trusted = new BlockList();
  for (const range of ranges) {
    const [network = '', bits] = range.split('/');
    const family = isIPv6(network) ? 'ipv6' : 'ipv4';
    trusted.addSubnet(network, Number(bits ?? (family === 'ipv6' ? 128 : 32)), family);
  }
  return (address) => trusted.check(plain(address), isIPv6(plain(address)) ? 'ipv6' : 'ipv4');
};

/** IPv4 as IPv4, also where the socket is an IPv6 one. */
export const plain = (address: string): string => address.replace(/^::ffff:(?=\d+\.)/, '');
