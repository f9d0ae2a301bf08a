import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A server on loopback that hears one redirect of the browser's (RFC 8252 §7.3). */
export interface Loopback {
  readonly redirectUri: string;
  /** The parameters the browser brings; rejects after `patience` milliseconds. */
  answer(patience: number): Promise<URLSearchParams>;
  close(): void;
}

const PATH = '/callback';

const PAGE = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Daypass</title>
<p>Go back to the terminal: it says whether you are signed in. You may close this page.</p></html>
`;

const write = (response: ServerResponse, status: number, body: string): void => {
  response.writeHead(status, {
    'Content-Type': 'text/html; charset=utf-8',
    'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
    'Cache-Control': 'no-store',
    'Referrer-Policy': 'no-referrer',
    Connection: 'close',
  });
  response.end(body);
};

const listen = (server: Server): Promise<number> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    // The literal address, never a name that might resolve to elsewhere (RFC 8252 §8.3).
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });

/** @param isOurs whether an answer belongs to what was begun: others are told so, and the wait goes on. */
export const openLoopback = async (
  isOurs: (parameters: URLSearchParams) => boolean,
): Promise<Loopback> => {
  const heard = Promise.withResolvers<URLSearchParams>();
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://127.0.0.1');
    if (request.method !== 'GET' || pathname !== PATH) return write(response, 404, 'not found\n');
    // Any page the browser shows can send it here: what it cannot know is the state.
    if (!isOurs(searchParams)) return write(response, 400, 'this is no answer to your login\n');
    write(response, 200, PAGE);
    heard.resolve(searchParams);
  });
  const port = await listen(server);
  return {
    redirectUri: `http://127.0.0.1:${port}${PATH}`,
    answer: async (patience) => {
      const timer = setTimeout(
        () => heard.reject(new Error('nobody signed in: the login was given up')),
        patience,
      );
      try {
        return await heard.promise;
      } finally {
        clearTimeout(timer);
      }
    },
    close: () => {
      server.close();
      server.closeIdleConnections();
    },
  };
};
