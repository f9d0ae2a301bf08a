import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Narrator } from './narrator.ts';

interface Request {
  readonly origin: string;
  readonly method: string;
  readonly path: string;
}

/** Tells what `work` says over HTTP, where it does the talking itself: method, address and status. */
export const overhear = async <Result>(
  { request, answer }: Narrator,
  work: () => Promise<Result>,
): Promise<Result> => {
  const sent = (message: unknown): void => {
    const { origin, method, path } = (message as { request: Request }).request;
    request({ method, url: `${origin}${path}` });
  };
  const received = (message: unknown): void => {
    const { response } = message as { response: { statusCode: number } };
    answer({ status: response.statusCode });
  };
  // Published by the `fetch` that Node has built in.
  subscribe('undici:request:create', sent);
  subscribe('undici:request:headers', received);
  try {
    return await work();
  } finally {
    unsubscribe('undici:request:create', sent);
    unsubscribe('undici:request:headers', received);
  }
};
