import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { createRequestContext } from '../../../src/http/request-context.ts';

const ISSUER = 'https://daypass.example';

const from = (remoteAddress: string, headers: Record<string, string> = {}): IncomingMessage =>
  ({ socket: { remoteAddress }, headers }) as unknown as IncomingMessage;

const ipOf = (trusted: readonly string[], remote: string, forwarded: string) =>
  createRequestContext(trusted, ISSUER)(from(remote, { 'x-forwarded-for': forwarded })).ip;

describe('the address of a client', () => {
  it('is that of the socket while no proxy is trusted: anybody can write a header', () => {
    expect(ipOf([], '203.0.113.7', '198.51.100.1')).toBe('203.0.113.7');
    expect(ipOf(['10.0.0.0/8'], '203.0.113.7', '198.51.100.1')).toBe('203.0.113.7');
  });

  it.each([
    ['what the trusted proxy was reached from', '198.51.100.1', '198.51.100.1'],
    ['the last hop that no proxy of ours is', '192.0.2.66, 198.51.100.1, 10.1.2.3', '198.51.100.1'],
    ['never what the client itself wrote before it', '127.0.0.1, 198.51.100.1', '198.51.100.1'],
    ['the proxy where it forwards for nobody', '', '10.0.0.1'],
    ['the first hop where all are ours', '10.9.9.9, 10.1.2.3', '10.9.9.9'],
  ])('is %s', (_, forwarded, expected) => {
    expect(ipOf(['10.0.0.0/8'], '10.0.0.1', forwarded)).toBe(expected);
  });

  it('is known of a proxy by its IPv4 address on an IPv6 socket, by IPv6 block, and by address alone', () => {
    expect(ipOf(['10.0.0.0/8'], '::ffff:10.0.0.1', '198.51.100.1')).toBe('198.51.100.1');
    expect(ipOf(['fd00::/8'], 'fd00::1', '2001:db8::9')).toBe('2001:db8::9');
    expect(ipOf(['10.0.0.1'], '10.0.0.1', '198.51.100.1')).toBe('198.51.100.1');
    expect(ipOf(['10.0.0.1'], '10.0.0.2', '198.51.100.1')).toBe('10.0.0.2');
  });

  it.each(['unknown', '_hidden', '10.0.0.1:4711', '999.1.1.1', 'a'.repeat(300), '<script>'])(
    'is never the text %j, which is no address, even from a trusted proxy',
    (forwarded) => {
      expect(ipOf(['10.0.0.0/8'], '10.0.0.1', forwarded)).toBe('10.0.0.1');
      expect(ipOf(['10.0.0.0/8'], '10.0.0.1', `${forwarded}, 198.51.100.1`)).toBe('198.51.100.1');
      expect(ipOf(['10.0.0.0/8'], '10.0.0.1', `${forwarded}, 10.1.2.3`)).toBe('10.1.2.3');
    },
  );
});

describe('the trace of a request', () => {
  const traceOf = (traceparent: string) =>
    createRequestContext([], ISSUER)(from('203.0.113.7', { traceparent })).traceId;

  it('is the trace id of a well-formed traceparent, and nothing of another', () => {
    const id = '4bf92f3577b34da6a3ce929d0e0e4736';
    expect(traceOf(`00-${id}-00f067aa0ba902b7-01`)).toBe(id);
    for (const malformed of [
      id,
      `00-${id}`,
      `00-${id}-00f067aa0ba902b7-01\nx`,
      `00-${id.toUpperCase()}-00f067aa0ba902b7-01`,
    ]) {
      expect(traceOf(malformed)).toBeUndefined();
    }
  });
});
