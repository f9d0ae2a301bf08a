/** Whoever uploads: a program of its own, told what to do by messages from its parent. */
import { Client } from 'undici';
import { boundTokens, type Held, JSON_HEADERS, nonceAt } from '../scenarios/preparation.ts';
import { ask } from './ask.ts';
import type { LoadRequest } from './messages.ts';
import { percentile } from './percentile.ts';
import type {
  DescribedFile,
  HoldOrder,
  JourneyOrder,
  PutOrder,
  UploadOrder,
  UploadReport,
} from './upload-messages.ts';

/** Milliseconds until the status is asked for, doubled each time: as an app does whose user is waiting. */
const PAUSE = { first: 10, most: 160 };

/** One who uploads: a token, its key, and connections that are kept. */
interface Uploader {
  readonly origin: string;
  readonly held: Held;
  readonly nonce: string;
  readonly lineTo: (origin: string) => Client;
}

let uploaders: readonly Omit<Uploader, 'lineTo'>[] = [];

const hold = async ({ origin, idTokens, what }: HoldOrder): Promise<void> => {
  const tokens = await boundTokens(origin, idTokens, what);
  const [first] = tokens;
  if (!first) throw new Error('nobody holds a token');
  const body = { filename: 'a.png', size: 1, contentType: 'image/png' };
  const asked = { token: first.token, key: first.key, bound: true, body };
  const nonce = await nonceAt(origin, '/request-upload', asked);
  uploaders = tokens.map((held) => ({ origin, held, nonce }));
};

const must = async (client: Client, request: LoadRequest): Promise<Record<string, unknown>> => {
  const { status, text } = await ask(client, request, true);
  if (status >= 200 && status < 300) return text === '' ? {} : JSON.parse(text);
  throw new Error(`${request.method} ${request.path}: ${status} ${text.slice(0, 300)}`);
};

const callBroker = (
  { origin, held: { token, key }, nonce, lineTo }: Uploader,
  method: 'GET' | 'POST',
  path: string,
  body?: object,
): Promise<Record<string, unknown>> => {
  const dpop = key.prove({ method, url: origin + path, nonce, accessToken: token });
  const headers = { ...JSON_HEADERS, authorization: `DPoP ${token}`, dpop };
  const request = { method, path, headers, ...(body && { body: JSON.stringify(body) }) };
  return must(lineTo(origin), request);
};

/** The whole way, as the README tells it. @returns how often the status was asked for. */
const uploadOne = async (uploader: Uploader, file: DescribedFile, bytes: Bytes) => {
  const { filename, contentType, sha256 } = file;
  const described = { filename, contentType, sha256, size: bytes.length };
  const granted = await callBroker(uploader, 'POST', '/request-upload', described);
  const { origin, pathname, search } = new URL(String(granted.uploadUrl));
  const headers = granted.headers as Record<string, string>;
  const put = { method: 'PUT', path: pathname + search, headers, body: bytes } as const;
  const { status, text } = await ask(uploader.lineTo(origin), put, false);
  if (status !== 200) throw new Error(`PUT: ${status} ${text.slice(0, 300)}`);
  const path = `/uploads/${String(granted.objectId)}`;
  await callBroker(uploader, 'POST', `${path}/complete`);
  return untilAvailable(uploader, path);
};

const untilAvailable = async (uploader: Uploader, path: string): Promise<number> => {
  let pause = PAUSE.first;
  for (let asked = 1; ; asked += 1) {
    await new Promise((resolve) => setTimeout(resolve, pause));
    const { status, reason } = await callBroker(uploader, 'GET', path);
    if (status === 'available') return asked;
    if (status !== 'uploaded' && status !== 'validating') {
      throw new Error(`an upload ended ${String(status)}: ${String(reason)}`);
    }
    pause = Math.min(PAUSE.most, pause * 2);
  }
};

type Bytes = Uint8Array<ArrayBuffer>;
/** @returns how often it asked; undefined where there is nothing left to do. */
type Turn = (line: number, lineTo: (origin: string) => Client) => Promise<number | undefined>;

/** `turn` on each line, again and again; what has begun when the time is up is finished. */
const take = async (
  { lines, seconds }: Pick<JourneyOrder, 'lines' | 'seconds'>,
  turn: Turn,
): Promise<UploadReport> => {
  const latencies: number[] = [];
  let asked = 0;
  let failure: string | undefined;
  const started = performance.now();
  const goOn = (): boolean =>
    failure === undefined && performance.now() < started + seconds * 1_000;
  const one = async (line: number): Promise<void> => {
    const { lineTo, close } = createLines();
    try {
      while (goOn()) {
        const begun = performance.now();
        const questions = await turn(line, lineTo);
        if (questions === undefined) break;
        asked += questions;
        latencies.push(performance.now() - begun);
      }
    } catch (error) {
      failure ??= String(error);
    }
    await close();
  };
  await Promise.all(Array.from({ length: lines }, (_, line) => one(line)));
  const taken = (performance.now() - started) / 1_000;
  const sorted = Float64Array.from(latencies).sort();
  const [p50, p99] = [percentile(sorted, 0.5), percentile(sorted, 0.99)];
  return { done: sorted.length, failure, seconds: taken, asked, p50, p99 };
};

const createLines = () => {
  const clients = new Map<string, Client>();
  const lineTo = (origin: string): Client => {
    const client = clients.get(origin) ?? new Client(origin, { pipelining: 1 });
    clients.set(origin, client);
    return client;
  };
  const close = async (): Promise<void> => {
    for (const client of clients.values()) await client.close();
  };
  return { lineTo, close };
};

const journeys = (order: JourneyOrder): Promise<UploadReport> => {
  const bytes = Buffer.from(order.file.base64, 'base64');
  return take(order, async (line, lineTo) => {
    const uploader = uploaders[line % uploaders.length];
    if (!uploader) throw new Error('nobody holds a token');
    return uploadOne({ ...uploader, lineTo }, order.file, bytes);
  });
};

const puts = (order: PutOrder): Promise<UploadReport> => {
  const bytes = Buffer.from(order.file.base64, 'base64');
  const targets = order.targets.values();
  return take(order, async (_line, lineTo) => {
    const { value: target } = targets.next();
    if (!target) return undefined;
    const { status, text } = await ask(
      lineTo(order.origin),
      { method: 'PUT', ...target, body: bytes },
      false,
    );
    if (status !== 200) throw new Error(`PUT: ${status} ${text.slice(0, 300)}`);
    return 0;
  });
};

const follow = async (order: UploadOrder): Promise<UploadReport | undefined> => {
  switch (order.kind) {
    case 'hold':
      await hold(order);
      return undefined;
    case 'journeys':
      return journeys(order);
    case 'puts':
      return puts(order);
  }
};

process.on('message', (order: UploadOrder) => {
  void follow(order).then(
    (report) => process.send?.({ report }),
    (error: unknown) => process.send?.({ failure: String(error) }),
  );
});
process.on('disconnect', () => process.exit(0));
