import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A real server on loopback that counts who reaches it: connections as well as requests. */
export interface Target {
  readonly port: number;
  readonly origin: string;
  connections: number;
  readonly requests: string[];
  close(): Promise<void>;
}

export const startTarget = async (
  listener: RequestListener = (_request, response) => response.end('{}'),
  host = '127.0.0.1',
): Promise<Target> => {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(request.url ?? '');
    listener(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const { port } = server.address() as AddressInfo;
  const target: Target = {
    port,
    origin: `http://${host}:${port}`,
    connections: 0,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  server.on('connection', () => {
    target.connections += 1;
  });
  return target;
};
