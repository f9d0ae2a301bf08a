import { mkdtemp, rm } from 'node:fs/promises';
import {
  Agent,
  createServer,
  type IncomingMessage,
  type ServerResponse,
  request as send,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
// @ts-expect-error it comes without types
import S3rver from '@20minutes/s3rver';

/** A call to the storage: its method, and what stands in its path. */
export interface StorageCall {
  readonly method: 'HEAD' | 'GET' | 'PUT' | 'DELETE';
  readonly under: RegExp;
  /** Before the storage hears of it, or once it has done it and before its answer is heard. */
  readonly when: 'before' | 'after';
}

/** An S3 server that stands still at a few calls, for as long as their client lives. */
export interface PausingStorage {
  readonly endpoint: string;
  /** Resolves when somebody has made this call, and waits in it from then on. */
  standStillAt(call: StorageCall): Promise<void>;
  /** Whoever waits is hung up on; nobody is stopped from now on. */
  goOn(): void;
  /** The keys of all objects. */
  keys(): Promise<readonly string[]>;
  stop(): Promise<void>;
}

interface Stop extends StorageCall {
  readonly reached: () => void;
}

export const startPausingStorage = async (bucket: string): Promise<PausingStorage> => {
  const directory = await mkdtemp(join(tmpdir(), 's3rver-'));
  const configureBuckets = [{ name: bucket }];
  const address = '127.0.0.1';
  const s3 = new S3rver({ address, port: 0, silent: true, directory, configureBuckets });
  const { port } = (await s3.run()) as AddressInfo;
  const agent = new Agent({ keepAlive: true });
  const waiting = new Set<ServerResponse>();
  let stops: readonly Stop[] = [];

  const standsStill = (asked: IncomingMessage, answer: ServerResponse, when: Stop['when']) => {
    const here = stops.find(
      (stop) =>
        stop.when === when && stop.method === asked.method && stop.under.test(pathOf(asked)),
    );
    if (here) {
      waiting.add(answer);
      here.reached();
    }
    return here !== undefined;
  };
  const proxy = createServer((asked, answer) => {
    answer.on('error', () => {});
    if (standsStill(asked, answer, 'before')) return;
    // As it was signed: host and all.
    const { method, url: path, headers } = asked;
    const upstream = send({ host: address, port, method, path, headers, agent }, (answered) => {
      // The server has done what was asked by now.
      if (standsStill(asked, answer, 'after')) return void answered.resume();
      answer.writeHead(answered.statusCode ?? 502, answered.headers);
      answered.pipe(answer);
    });
    upstream.on('error', () => answer.destroy());
    asked.pipe(upstream);
  });
  await new Promise<void>((resolve) => {
    proxy.listen(0, address, resolve);
  });

  return {
    endpoint: `http://${address}:${(proxy.address() as AddressInfo).port}`,
    standStillAt: (call) =>
      new Promise((resolve) => {
        stops = [...stops, { ...call, reached: resolve }];
      }),
    goOn: () => {
      stops = [];
      for (const answer of waiting) answer.destroy();
      waiting.clear();
    },
    keys: async () => {
      const listed = await fetch(`http://${address}:${port}/${bucket}?list-type=2`);
      return [...(await listed.text()).matchAll(/<Key>(.*?)<\/Key>/g)].map(([, key]) => key ?? '');
    },
    stop: async () => {
      agent.destroy();
      proxy.closeAllConnections();
      proxy.close();
      s3.httpServer.closeAllConnections();
      await s3.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
};

const pathOf = ({ url = '' }: IncomingMessage): string =>
  decodeURIComponent(url.split('?')[0] ?? '');
