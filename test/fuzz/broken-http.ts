import type { Random } from './random.ts';

/** What a parser of HTTP/1.1 may be given (RFC 9112): framing, lines and names that are wrong. */
export const brokenHttp = (random: Random): Buffer => {
  const path = random.pick(['/exchange', '/token', '/request-upload', '/objects', '/jwks', '/']);
  const body = '{"app_id":"where2eat"}';
  const filler = (length: number): string => 'a'.repeat(random.int(length));
  const head = (...lines: string[]): string =>
    [`POST ${path} HTTP/1.1`, 'Host: localhost', ...lines, '', body].join('\r\n');
  const cases: (() => string)[] = [
    () => head('Content-Length: 5', 'Transfer-Encoding: chunked'),
    () => head('Content-Length: 5', 'Content-Length: 22'),
    () =>
      head(
        `Content-Length: ${random.pick(['-1', '1e3', '0x16', '99999999999999999999', ' ', '22, 22', '+22'])}`,
      ),
    () =>
      head('Transfer-Encoding: chunked').replace(
        body,
        `${random.pick(['zz', '-1', 'ffffffffffffffff', '5;x=y', ''])}\r\n${body}\r\n0\r\n\r\n`,
      ),
    () => head('Transfer-Encoding: chunked').replace(body, `16\r\n${body}`),
    () =>
      head('Transfer-Encoding: chunked').replace(
        body,
        `16\r\n${body}\r\n0\r\nDPoP: a\r\nAuthorization: Bearer b\r\n\r\n`,
      ),
    () =>
      head(
        `Transfer-Encoding: ${random.pick(['gzip', 'identity', 'chunked, chunked', 'chunKed ', 'x'])}`,
      ),
    () => head('Content-Length: 1000'), // and then nothing more
    () => head('Content-Length: 22', 'X-Folded: a\r\n b'),
    () => head('Content-Length: 22', `X-${filler(200)}\0: b`),
    () => head('Content-Length: 22', `Authorization: Bearer ${filler(40_000)}`),
    () => head('Content-Length: 22', 'Authorization : Bearer a'),
    () =>
      head(
        'Content-Length: 22',
        ...Array.from({ length: random.int(4_000) }, (_, at) => `X-${at}: ${at}`),
      ),
    () => head('Content-Length: 22', 'Host: evil.example'),
    () => head('Content-Length: 22').replace('Host: localhost\r\n', ''),
    () => head('Content-Length: 22').replace('Host: localhost', 'Host: evil.example:x@good'),
    () => head('Content-Length: 22').replaceAll('\r\n', random.pick(['\n', '\r', '\n\r'])),
    () => head('Content-Length: 22', `Expect: ${random.pick(['100-continue', '200-ok', ''])}`),
    () =>
      head(
        'Content-Length: 22',
        'Connection: Upgrade',
        `Upgrade: ${random.pick(['websocket', 'h2c', 'TLS/1.0'])}`,
      ),
    () =>
      head('Content-Length: 22').replace(
        'POST',
        random.pick([
          'CONNECT',
          'TRACE',
          'post',
          'M-SEARCH',
          'PROPFIND',
          'QUERY',
          '',
          filler(3_000),
        ]),
      ),
    () =>
      head('Content-Length: 22').replace(
        'HTTP/1.1',
        random.pick(['HTTP/1.0', 'HTTP/0.9', 'HTTP/2.0', 'HTTP/9.9', 'HTTP/1.1 x', '']),
      ),
    () =>
      head('Content-Length: 22').replace(
        path,
        random.pick([
          '*',
          'http://evil.example/exchange',
          '//evil.example/',
          '/%',
          '/\0',
          `/${filler(30_000)}`,
          '?',
          '#',
          '/a b',
          '/é',
        ]),
      ),
    () => head('Content-Length: 22', 'Content-Encoding: gzip'),
    () => `${head('Content-Length: 22')}${head('Content-Length: 22').repeat(random.int(20))}`,
    () => `${head('Content-Length: 22')}GARBAGE\r\n\r\n`,
    () => head('Content-Length: 22').slice(0, random.int(90)),
    () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    () => '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
    () => '\r\n'.repeat(random.int(5_000)),
    () => random.bytes(random.int(2_000)).toString('latin1'),
  ];
  return Buffer.from(random.pick(cases)(), 'latin1');
};
