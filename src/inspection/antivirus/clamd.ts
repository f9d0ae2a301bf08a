import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { Socket } from 'node:net';
import { type OAuthError, unavailable } from '../../protocol/oauth-error.ts';

/**
 * A client of clamd's INSTREAM command (clamd(8)). Our own, because the bytes pass while they are hashed:
 * they are given piece by piece as they are read, are never on disk for the scanner's sake, and each silence has
 * an end. The library on npm scans a stream of its own, wants a scanner at hand when it is set up, and puts no end
 * to a silence.
 */
export interface Scan {
  /** Waits while the scanner is behind. @throws OAuthError `temporarily_unavailable` */
  write(chunk: Uint8Array): Promise<void>;
  /** After the last byte. @throws OAuthError `temporarily_unavailable` for whatever is neither clean nor found. */
  end(): Promise<ScanResult>;
  /** Gives up; harmless after the end. */
  abandon(): void;
}

export type ScanResult =
  | { readonly found: 'nothing' }
  | { readonly found: 'malware'; readonly signature: string }
  /** The scanner takes no file of this size, today or tomorrow. */
  | { readonly found: 'too_large' };

export interface ClamdOptions {
  /** `clamd://host:port` */
  readonly address: string;
  /** Milliseconds without a sign of life after which it counts as down. */
  readonly silence?: number;
}

const DEFAULT_PORT = 3310;
const SILENCE_MS = 30_000;
const CONNECT_MS = 3_000;
/** clamd's answers are a line; more is not clamd. */
const LONGEST_ANSWER = 4_096;

const silences = new WeakSet<object>();

/** Whether it is the scanner that is not there, and not something else that an inspection needs. */
export const isScannerDown = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && silences.has(error);

const down = (what: string, cause?: unknown): OAuthError => {
  const error = unavailable(`the virus scanner ${what}: nothing passes unscanned`, cause);
  silences.add(error);
  return error;
};

/** @throws OAuthError `temporarily_unavailable` when nobody answers there. */
export const beginScan = async ({ address, silence = SILENCE_MS }: ClamdOptions): Promise<Scan> => {
  const socket = await reach(address);
  const conversation = converse(socket, silence);
  await conversation.send(Buffer.from('zINSTREAM\0'));
  return {
    write: async (chunk) => {
      if (chunk.length === 0) return; // an empty piece would mean the end
      const length = Buffer.alloc(4);
      length.writeUInt32BE(chunk.length);
      await conversation.send(Buffer.concat([length, chunk]));
    },
    end: async () => {
      await conversation.send(Buffer.alloc(4));
      try {
        return read(await conversation.answer());
      } finally {
        socket.destroy();
      }
    },
    abandon: () => void socket.destroy(),
  };
};

/**
 * A socket that goes on listening where it is no longer heard. clamd says why it wants no more and hangs up at once, in the
 * middle of what we say; Node gives up both directions with the first write that fails, and what was said with them.
 */
class Listening extends Socket {
  /** What the first write that failed, failed of. */
  refusal: Error | undefined;

  override _write(chunk: unknown, encoding: BufferEncoding, done: Done): void {
    super._write(chunk, encoding, this.#unheard(done));
  }

  override _writev(chunks: Parsed, done: Done): void {
    super._writev?.(chunks, this.#unheard(done));
  }

  #unheard(done: Done): Done {
    return (error) => {
      this.refusal ??= error ?? undefined;
      done();
    };
  }
}

type Done = (error?: Error | null) => void;
type Parsed = { chunk: unknown; encoding: BufferEncoding }[];

const reach = async (address: string): Promise<Listening> => {
  const { hostname, port } = new URL(address);
  const socket = new Listening().connect({
    host: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port || DEFAULT_PORT),
  });
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(CONNECT_MS) });
    return socket;
  } catch (error) {
    socket.destroy();
    throw down('cannot be reached', error);
  }
};

const converse = (socket: Listening, silence: number) => {
  let said = '';
  let ended: unknown;
  const closed = new Promise<void>((resolve) => {
    socket.on('data', (chunk: Buffer) => {
      said += chunk.toString('latin1');
      if (said.includes('\0') || said.length > LONGEST_ANSWER) resolve();
    });
    socket.on('error', (error) => {
      ended = error;
    });
    socket.on('close', () => resolve());
  });
  socket.setTimeout(silence, () => socket.destroy(new Error('silence')));

  return {
    send: async (bytes: Buffer): Promise<void> => {
      // It may have said already why it wants no more: that is read at the end.
      if (said !== '') return;
      if (socket.destroyed) throw down('hung up', ended ?? socket.refusal);
      const isTaken = socket.write(bytes);
      if (!isTaken && socket.writableNeedDrain) await Promise.race([drained(socket), closed]);
      // Not heard any more: then what it has said comes next, or its end.
      if (socket.refusal) await closed;
    },
    answer: async (): Promise<string> => {
      await closed;
      const end = said.indexOf('\0');
      if (end === -1) throw down('hung up without an answer', ended ?? socket.refusal);
      return said.slice(0, end);
    },
  };
};

const drained = (socket: Socket): Promise<unknown> => once(socket, 'drain').catch(() => {});

/** Leans closed: only the one answer that says so is clean, and only the one that names malware condemns. */
const read = (answer: string): ScanResult => {
  if (answer === 'stream: OK') return { found: 'nothing' };
  const signature = /^stream: (.{1,200}) FOUND$/.exec(answer)?.[1];
  if (signature !== undefined) return { found: 'malware', signature };
  if (/size limit exceeded/i.test(answer)) return { found: 'too_large' };
  throw down(`answered ${JSON.stringify(answer.slice(0, 200))}`);
};
