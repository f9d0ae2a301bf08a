import { describe, expect, it } from '@jest/globals';
import { isLoopback, isPublic } from '../../../src/egress/address.ts';

describe('addresses', () => {
  it.each(['1.1.1.1', '8.8.8.8', '172.32.0.1', '100.128.0.1', '2606:4700::1111', '2a00:1450::1'])(
    'calls %s public',
    (address) => expect(isPublic(address)).toBe(true),
  );

  it.each([
    ['this network', '0.0.0.0'],
    ['private', '10.1.2.3'],
    ['private', '172.16.0.1'],
    ['private, last', '172.31.255.255'],
    ['private', '192.168.1.1'],
    ['carrier-grade NAT', '100.64.0.1'],
    ['Alibaba metadata', '100.100.100.200'],
    ['loopback', '127.0.0.1'],
    ['loopback, last', '127.255.255.255'],
    ['Azure host agent', '168.63.129.16'],
    ['metadata', '169.254.169.254'],
    ['Oracle metadata', '192.0.0.192'],
    ['benchmarks', '198.19.0.1'],
    ['documentation', '203.0.113.7'],
    ['multicast', '224.0.0.1'],
    ['reserved', '240.0.0.1'],
    ['broadcast', '255.255.255.255'],
    ['unspecified', '::'],
    ['loopback', '::1'],
    ['IPv4-mapped loopback', '::ffff:127.0.0.1'],
    ['IPv4-mapped loopback in hex', '::ffff:7f00:1'],
    ['IPv4-mapped public', '::ffff:8.8.8.8'],
    ['IPv4-compatible', '::7f00:1'],
    ['NAT64 of metadata', '64:ff9b::a9fe:a9fe'],
    ['local NAT64', '64:ff9b:1::7f00:1'],
    ['Teredo', '2001:0:7f00:1::'],
    ['6to4 of loopback', '2002:7f00:1::'],
    ['documentation', '2001:db8::1'],
    ['unique local', 'fd00:ec2::254'],
    ['link-local', 'fe80::1'],
    ['link-local with a zone', 'fe80::1%lo'],
    ['global with a zone', '2606:4700::1111%lo'],
    ['multicast', 'ff02::1'],
    ['no address', 'localhost'],
    ['nothing', ''],
  ])('does not call %s (%s) public', (_, address) => expect(isPublic(address)).toBe(false));

  it('knows loopback only undisguised', () => {
    expect(['127.0.0.1', '127.9.9.9', '::1'].every(isLoopback)).toBe(true);
    expect(['::ffff:127.0.0.1', '10.0.0.1', 'localhost', '', '::'].some(isLoopback)).toBe(false);
  });
});
