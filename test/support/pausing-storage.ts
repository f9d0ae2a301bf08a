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
import { openS3rverParts } from './s3rver-parts.ts';

/** A call to the storage: its method, and what stands in its path and query. */
export interface StorageCall {
  readonly method: 'HEAD' | 'GET' | 'PUT' | 'POST' | 'DELETE';
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
  /** The keys of uploads in parts that are neither objects yet nor aborted. */
  openUploads(): Promise<readonly string[]>;
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
  const inParts = openS3rverParts(directory, bucket);
  const waiting = new Set<ServerResponse>();
  let stops: readonly Stop[] = [];

  const standsStill = (asked: IncomingMessage, answer: ServerResponse, when: Stop['when']) => {
    const here = stops.find(
      (stop) => stop.when === when && stop.method === asked.method && stop.under.test(urlOf(asked)),
    );
    if (here) {
      waiting.add(answer);
      here.reached();
    }
    return here !== undefined;
  };
  const forward = (asked: IncomingMessage, answer: ServerResponse): void => {
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
  };
  const proxy = createServer(async (asked, answer) => {
    answer.on('error', () => {});
    if (standsStill(asked, answer, 'before')) return;
    const known = await inParts.answer(asked.method, new URL(asked.url ?? '', `http://${address}`));
    if (!known) return forward(asked, answer);
    if (standsStill(asked, answer, 'after')) return;
    answer.writeHead(known.status, { 'content-type': 'application/xml' }).end(known.body);
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
      const found: string[] = [];
      for (let isMore = true; isMore; ) {
        const after = encodeURIComponent(found.at(-1) ?? '');
        const url = `http://${address}:${port}/${bucket}?list-type=2&start-after=${after}`;
        const page = await (await fetch(url)).text();
        found.push(...[...page.matchAll(/<Key>(.*?)<\/Key>/g)].map(([, key]) => key ?? ''));
        isMore = page.includes('<IsTruncated>true</IsTruncated>');
      }
      return found;
    },
    openUploads: async () => (await inParts.uploads()).map(({ key }) => key),
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

const urlOf = ({ url = '' }: IncomingMessage): string => decodeURIComponent(url);
