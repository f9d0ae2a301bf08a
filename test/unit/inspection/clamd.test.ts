import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { beginScan, isScannerDown } from '../../../src/inspection/antivirus/clamd.ts';
import { freePort } from '../../support/rig.ts';

let server: Server | undefined;
const sockets = new Set<Socket>();
afterEach(() => {
  for (const socket of sockets) socket.destroy();
  server?.close();
});

/** Speaks INSTREAM as far as is wanted: what it heard, and an answer once it has heard enough. */
const standIn = async (answer: (heard: Buffer) => string | undefined | 'hang up') => {
  const heard: Buffer[] = [];
  const port = await freePort();
  server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      heard.push(chunk);
      const said = answer(Buffer.concat(heard));
      if (said === 'hang up') socket.destroy();
      else if (said !== undefined) socket.end(said);
    });
  });
  await new Promise<void>((resolve) => {
    server?.listen(port, '127.0.0.1', resolve);
  });
  return { address: `clamd://127.0.0.1:${port}`, heard: () => Buffer.concat(heard) };
};

const isOver = (heard: Buffer): boolean => heard.subarray(-4).equals(Buffer.alloc(4));
const atEnd = (said: string) => (heard: Buffer) => (isOver(heard) ? said : undefined);

const scan = async (address: string, chunks: readonly Buffer[], silence = 2_000) => {
  const begun = await beginScan({ address, silence });
  try {
    for (const chunk of chunks) await begun.write(chunk);
    return await begun.end();
  } finally {
    begun.abandon();
  }
};

describe('clamd, as it may answer', () => {
  it('hears the command, each piece with its length, and an end', async () => {
    const { address, heard } = await standIn(atEnd('stream: OK\0'));
    const pieces = [Buffer.from('soup'), Buffer.alloc(0), Buffer.from('s')];
    expect(await scan(address, pieces)).toEqual({ found: 'nothing' });
    expect(heard().toString('latin1')).toBe('zINSTREAM\0\0\0\0\x04soup\0\0\0\x01s\0\0\0\0');
  });

  it.each([
    ['stream: Eicar-Test FOUND\0', { found: 'malware', signature: 'Eicar-Test' }],
    ['INSTREAM size limit exceeded. ERROR\0', { found: 'too_large' }],
  ])('%j', async (said, result) => {
    const { address } = await standIn(atEnd(said));
    expect(await scan(address, [Buffer.from('soup')])).toEqual(result);
  });

  it('is heard when it wants no more in the middle of a file', async () => {
    const { address } = await standIn(() => 'INSTREAM size limit exceeded. ERROR\0');
    const pieces = Array.from({ length: 200 }, () => Buffer.alloc(65_536));
    expect(await scan(address, pieces)).toEqual({ found: 'too_large' });
  });

  it.each<[string, (heard: Buffer) => string | undefined]>([
    ['an error', atEnd('stream: Can not allocate memory ERROR\0')],
    ['something like a pass', atEnd('stream: OK \0')],
    ['a pass of another stream', atEnd('other: OK\0')],
    ['an answer that never ends', atEnd('stream: OK')],
    ['nothing, and hangs up', (heard) => (isOver(heard) ? 'hang up' : undefined)],
    ['nothing at all', () => undefined],
    ['too much', atEnd('x'.repeat(10_000))],
  ])('never passes with %s', async (_, answer) => {
    const { address } = await standIn(answer);
    const error = await scan(address, [Buffer.from('soup')], 300).catch((cause: unknown) => cause);
    expect(error).toMatchObject({ status: 503 });
    expect(isScannerDown(error)).toBe(true);
  });

  it('never passes where nobody is', async () => {
    const address = `clamd://127.0.0.1:${await freePort()}`;
    const error = await scan(address, []).catch((cause: unknown) => cause);
    expect(isScannerDown(error)).toBe(true);
  });
});
