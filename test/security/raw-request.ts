import { connect } from 'node:net';
import type { Answer } from '../support/client.ts';

/** What a client library would never send: bytes, as they are. Answers everything that came back. */
export const sendRaw = (url: string, bytes: string | Buffer, patience = 1_000): Promise<string> =>
  new Promise((resolve) => {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname);
    const chunks: Buffer[] = [];
    const end = (): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(Buffer.concat(chunks).toString('latin1'));
    };
    const timer = setTimeout(end, patience);
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('end', end);
    socket.on('error', end);
    socket.write(bytes);
  });

export const lines = (...text: string[]): string => `${text.join('\r\n')}\r\n\r\n`;

export const statusOf = (answer: string): number => Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1]);

/** How many answers one connection got: two for what should be one request is smuggling. */
export const answersIn = (answer: string): number =>
  answer.match(/^HTTP\/1\.1 \d{3}/gm)?.length ?? 0;

export const bodyOf = (answer: string): string => answer.slice(answer.indexOf('\r\n\r\n') + 4);

/** As a client library would have read it. */
export const asAnswer = (answer: string): Answer => {
  const [, ...fields] = answer.slice(0, answer.indexOf('\r\n\r\n')).split('\r\n');
  const headers = new Headers(fields.map((field) => field.split(/: (.*)/s, 2) as [string, string]));
  const text = bodyOf(answer);
  return { status: statusOf(answer), headers, text, body: JSON.parse(text) as Answer['body'] };
};
