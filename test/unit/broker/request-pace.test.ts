import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { networkOf } from '../../../src/broker/network.ts';
import { createRequestPace } from '../../../src/broker/request-pace.ts';

describe('whose an address is', () => {
  it.each([
    ['203.0.113.7', '203.0.113.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8:0001:0002::', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    // An IPv4 address in another notation is itself, or all of them were one client.
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['::FFFF:cb00:7107', '203.0.113.7'],
    ['64:ff9b::203.0.113.7', '203.0.113.7'],
  ])('%s is of %s', (ip, network) => {
    expect(networkOf(ip)).toBe(network);
  });

  it('is the same for all of a /64, however they are written, and for no other', () => {
    const groups = fc.array(fc.integer({ min: 1, max: 0xffff }), { minLength: 4, maxLength: 4 });
    const write = (...parts: readonly number[][]): string =>
      parts
        .flat()
        .map((group) => group.toString(16))
        .join(':');
    fc.assert(
      fc.property(groups, groups, groups, groups, (network, host, other, elsewhere) => {
        const name = networkOf(write(network, host));
        expect(networkOf(write(network, other).toUpperCase())).toBe(name);
        expect(networkOf(`${write(network)}::`)).toBe(name);
        const isOther = write(network) !== write(elsewhere);
        expect(networkOf(write(elsewhere, host)) !== name).toBe(isOther);
      }),
    );
  });
});

describe('without limits.requests', () => {
  it('nothing is asked of the database', async () => {
    const deployment = { limits: {} };
    const index = { app: () => ({ limits: {} }) };
    const pace = createRequestPace({
      paces: { pass: () => Promise.reject(new Error('was asked')) },
      configuration: { get: () => ({ deployment, index }) } as never,
      now: () => new Date(0),
    });
    await pace.ofAddress({ ip: '203.0.113.7' });
    await pace.ofUser('where2eat', 'ana');
  });
});
