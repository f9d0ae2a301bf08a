import { BlockList, isIPv4, isIPv6 } from 'node:net';

const subnets = (family: 'ipv4' | 'ipv6', ranges: readonly string[]): BlockList => {
  const list = new BlockList();
  for (const range of ranges) {
    const [network = '', prefix] = range.split('/');
    list.addSubnet(network, Number(prefix), family);
  }
  return list;
};

/** IANA's special-purpose registry, and what clouds put at ordinary addresses. */
const SPECIAL_IPV4 = subnets('ipv4', [
  '0.0.0.0/8', //         this network; reaches the host itself on Linux
  '10.0.0.0/8', //        private
  '100.64.0.0/10', //     carrier-grade NAT; Alibaba's metadata
  '127.0.0.0/8', //       loopback
  '168.63.129.16/32', //  Azure's host agent
  '169.254.0.0/16', //    link-local; metadata of most clouds
  '172.16.0.0/12', //     private
  '192.0.0.0/24', //      protocol assignments; Oracle's metadata
  '192.0.2.0/24', //      documentation
  '192.88.99.0/24', //    6to4 relays
  '192.168.0.0/16', //    private
  '198.18.0.0/15', //     benchmarks
  '198.51.100.0/24', //   documentation
  '203.0.113.0/24', //    documentation
  '224.0.0.0/4', //       multicast
  '240.0.0.0/4', //       reserved, broadcast
]);

/** Everything the Internet routes. What is outside is refused unnamed: mapped, NAT64, local, multicast. */
const GLOBAL_IPV6 = subnets('ipv6', ['2000::/3']);

const SPECIAL_IPV6 = subnets('ipv6', [
  '2001::/23', //         protocol assignments; Teredo, which carries an IPv4 address
  '2001:db8::/32', //     documentation
  '2002::/16', //         6to4, which carries an IPv4 address
  '3fff::/20', //         documentation
]);

const LOOPBACK_IPV4 = subnets('ipv4', ['127.0.0.0/8']);

/** Is this an ordinary address of the public Internet? What is no address, or has a zone, is not. */
export const isPublic = (address: string): boolean => {
  if (isIPv4(address)) return !SPECIAL_IPV4.check(address, 'ipv4');
  if (!isIPv6(address) || address.includes('%')) return false;
  return GLOBAL_IPV6.check(address, 'ipv6') && !SPECIAL_IPV6.check(address, 'ipv6');
};

/** 127.0.0.0/8 and `::1`, in no disguise: an IPv4-mapped loopback is not one. */
export const isLoopback = (address: string): boolean =>
  isIPv4(address) ? LOOPBACK_IPV4.check(address, 'ipv4') : address === '::1';
