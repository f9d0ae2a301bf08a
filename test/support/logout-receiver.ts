import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ReceivedLogout {
  readonly contentType: string | undefined;
  readonly token: string;
}

/** An app's own server, as far as it takes logout tokens. */
export const startLogoutReceiver = async (port = 0) => {
  const received: ReceivedLogout[] = [];
  let respond = (response: ServerResponse): unknown => response.writeHead(200).end();
  const server: Server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const form = new URLSearchParams(Buffer.concat(chunks).toString());
    received.push({
      contentType: request.headers['content-type'],
      token: form.get('logout_token') ?? '',
    });
    respond(response);
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const { port: own } = server.address() as AddressInfo;
  return {
    url: `http://localhost:${own}/logout`,
    port: own,
    received,
    answerWith: (answer: typeof respond) => {
      respond = answer;
    },
    stop: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};

export type LogoutReceiver = Awaited<ReturnType<typeof startLogoutReceiver>>;
