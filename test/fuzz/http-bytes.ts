import { connect } from 'node:net';

/** Header lines as they go out; a name may come twice. */
export type Headers = readonly (readonly [string, string])[];

/** One request as bytes. Nothing is checked or encoded: what is wrong with it is meant to be. */
export const toBytes = (
  method: string,
  target: string,
  headers: Headers,
  body: Buffer | string = '',
): Buffer => {
  const payload = Buffer.from(body as string);
  const hasLength = headers.some(([name]) => /^(content-length|transfer-encoding)$/i.test(name));
  const lines = [
    `${method} ${target} HTTP/1.1`,
    ...headers.map(([name, value]) => `${name}: ${value}`),
    ...(hasLength || payload.length === 0 ? [] : [`Content-Length: ${payload.length}`]),
    'Connection: close',
  ];
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), payload]);
};

export interface RawAnswer {
  /** Undefined: the connection was closed without an answer. */
  readonly status: number | undefined;
  readonly text: string;
  /** False: neither an answer nor an end of the connection came in time. */
  readonly ended: boolean;
}

/** Sends bytes on a connection of their own, and reads until the server ends it, or `patience` milliseconds. */
export const send = (
  port: number,
  bytes: Buffer,
  { half, patience }: { readonly half: boolean; readonly patience: number },
): Promise<RawAnswer> =>
  new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const socket = connect(port, '127.0.0.1');
    const done = (ended: boolean): void => {
      clearTimeout(limit);
      socket.destroy();
      const text = Buffer.concat(chunks).toString('latin1');
      const status = /^HTTP\/1\.1 (\d{3})/.exec(text)?.[1];
      resolve({ status: status === undefined ? undefined : Number(status), text, ended });
    };
    const limit = setTimeout(() => done(false), patience);
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('error', () => done(true)); // an answer may come before the server closes on unread bytes
    socket.on('close', () => done(true));
    if (half) socket.end(bytes);
    else socket.write(bytes);
  });
