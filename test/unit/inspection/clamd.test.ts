import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it } from '@jest/globals';
import { beginScan, isScannerDown } from '../../../src/inspection/antivirus/clamd.ts';
import { freePort } from '../../support/rig.ts';

let server: Server | undefined;
const sockets = new Set<Socket>();
const workers = new Set<Worker>();
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  server?.close();
  await Promise.all([...workers].map((worker) => worker.terminate()));
  workers.clear();
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

/**
 * As clamd does where it wants no more: it says so, if it says anything, and hangs up on what it has not read. On a thread of
 * its own, because ours stands still meanwhile: all of it has arrived, and none was heard, when the next write is made.
 */
const refusing = async (answer: string) => {
  const worker = new Worker(
    `const { workerData, parentPort } = require('node:worker_threads');
     const server = require('node:net').createServer((socket) => {
       socket.on('error', () => {});
       socket.once('data', () => {
         if (workerData !== '') socket.write(workerData);
         socket.resetAndDestroy();
       });
     });
     server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));`,
    { eval: true, workerData: answer },
  );
  workers.add(worker);
  const [port] = (await once(worker, 'message')) as [number];
  return `clamd://127.0.0.1:${port}`;
};

const scanAfterStandstill = async (address: string, size: number) => {
  const begun = await beginScan({ address, silence: 2_000 });
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
  try {
    for (let sent = 0; sent < size; sent += 1) await begun.write(Buffer.alloc(1024 * 1024));
    return await begun.end();
  } finally {
    begun.abandon();
  }
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

  it.each([0, 1, 40])('is heard when it has hung up before the next of %i MiB', async (size) => {
    const address = await refusing('INSTREAM size limit exceeded. ERROR\0');
    expect(await scanAfterStandstill(address, size)).toEqual({ found: 'too_large' });
  });

  it.each([0, 1, 40])(
    'has not answered when it only hangs up before the next of %i MiB',
    async (size) => {
      const scanned = scanAfterStandstill(await refusing(''), size);
      expect(isScannerDown(await scanned.catch((cause: unknown) => cause))).toBe(true);
    },
  );

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
