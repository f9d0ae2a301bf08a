import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** Stands between a broker and its database, and writes down which statements pass. */
export interface StatementCounter {
  readonly port: number;
  /** The statements since the last time this was asked, in the order they were sent. */
  taken(): readonly string[];
  stop(): Promise<void>;
}

/** What a client says after it has introduced itself, as the protocol has it (PostgreSQL, "Message Formats"). */
const createReader = (onStatement: (sql: string) => void) => {
  const named = new Map<string, string>();
  const bound = new Map<string, string>();
  let rest: Buffer = Buffer.alloc(0);
  let hasStarted = false;

  const textAt = (body: Buffer, from: number): [text: string, next: number] => {
    const end = body.indexOf(0, from);
    return [body.toString('utf8', from, end), end + 1];
  };
  const read = (type: string, body: Buffer): void => {
    const [first, next] = textAt(body, 0);
    if (type === 'Q') onStatement(first);
    if (type === 'P') named.set(first, textAt(body, next)[0]);
    if (type === 'B') bound.set(first, named.get(textAt(body, next)[0]) ?? '?');
    if (type === 'E') onStatement(bound.get(first) ?? '?');
  };

  return (chunk: Buffer): void => {
    rest = Buffer.concat([rest, chunk]);
    for (;;) {
      const head = hasStarted ? 5 : 4;
      if (rest.length < head) return;
      const length = rest.readUInt32BE(head - 4) + head - 4;
      if (rest.length < length) return;
      if (hasStarted) read(rest.toString('latin1', 0, 1), rest.subarray(head, length));
      hasStarted = true;
      rest = rest.subarray(length);
    }
  };
};

export const startStatementCounter = async (target: {
  readonly host: string;
  readonly port: number;
}): Promise<StatementCounter> => {
  const sockets = new Set<Socket>();
  let statements: string[] = [];
  const server = createServer((client) => {
    const upstream = connect(target);
    const read = createReader((sql) => statements.push(sql));
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
      socket.on('error', () => socket.destroy());
    }
    client.on('data', read);
    client.pipe(upstream).pipe(client);
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => client.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  return {
    port: (server.address() as AddressInfo).port,
    taken: () => {
      const taken = statements;
      statements = [];
      return taken;
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
};
