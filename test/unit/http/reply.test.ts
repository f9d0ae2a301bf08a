import { createServer, request as httpRequest, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Reply, writeReply } from '../../../src/http/reply.ts';

let reply: Reply;
let server: Server;
let port: number;

beforeAll(async () => {
  server = createServer((request, response) => {
    response.setHeader('X-Set-Before', 'kept');
    response.statusMessage = 'OK'; // as the authorization server library leaves it
    void writeReply(response, request.method ?? '', reply, { 'X-Request-Id': 'r' });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});
afterAll(() => new Promise((resolve) => server.close(resolve)));

interface Seen {
  readonly status: number | undefined;
  readonly phrase: string | undefined;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly text: string;
}

const answerOf = (given: Reply, method = 'GET'): Promise<Seen> => {
  reply = given;
  return new Promise((resolve, reject) => {
    httpRequest({ port, host: '127.0.0.1', method, agent: false }, (response) => {
      let text = '';
      response.on('data', (chunk) => {
        text += String(chunk);
      });
      response.on('end', () =>
        resolve({
          status: response.statusCode,
          phrase: response.statusMessage,
          headers: response.headers,
          text,
        }),
      );
    })
      .on('error', reject)
      .end();
  });
};

describe('a reply, written', () => {
  it('is JSON where it is a plain value, with its length in bytes', async () => {
    const { status, headers, text } = await answerOf({ status: 201, body: { name: 'é' } });
    expect([status, text]).toEqual([201, '{"name":"é"}']);
    expect(headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'content-length': '13',
      'x-request-id': 'r',
      'x-set-before': 'kept',
    });
  });

  it('says in the status line what its status means, whatever was said before', async () => {
    expect(await answerOf({ status: 400, body: {} })).toMatchObject({ phrase: 'Bad Request' });
    expect(await answerOf({ status: 200, body: {} })).toMatchObject({ phrase: 'OK' });
  });

  it('keeps the type it names for text and bytes', async () => {
    const headers = { 'Content-Type': 'text/css' };
    expect(await answerOf({ status: 200, body: 'a{}', headers })).toMatchObject({
      text: 'a{}',
      headers: { 'content-type': 'text/css' },
    });
    expect(await answerOf({ status: 200, body: Buffer.from('b{}'), headers })).toMatchObject({
      text: 'b{}',
      headers: { 'content-type': 'text/css', 'content-length': '3' },
    });
    expect((await answerOf({ status: 200, body: 'plain' })).headers['content-type']).toBe(
      'text/plain; charset=utf-8',
    );
  });

  it.each([204, 304])('has neither content nor length at %i', async (status) => {
    const seen = await answerOf({ status });
    expect([seen.status, seen.text]).toEqual([status, '']);
    expect(seen.headers).not.toHaveProperty('content-length');
    expect(seen.headers).not.toHaveProperty('transfer-encoding');
  });

  it('says so where there is nothing to say', async () => {
    const { headers, text } = await answerOf({ status: 202 });
    expect([headers['content-length'], text]).toEqual(['0', '']);
  });

  it('answers HEAD with the headers of GET, and nothing else', async () => {
    const { headers, text } = await answerOf({ status: 200, body: { a: 1 } }, 'HEAD');
    expect([headers['content-length'], text]).toEqual(['7', '']);
  });

  it('streams what is a stream', async () => {
    const body = Readable.from(['one ', 'two']);
    expect((await answerOf({ status: 200, body })).text).toBe('one two');
  });
});
