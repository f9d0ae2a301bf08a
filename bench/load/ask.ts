import type { Client } from 'undici';
import type { LoadRequest } from './messages.ts';

export interface Outcome {
  readonly status: number;
  /** Kept of refusals, and where an answer must say something. */
  readonly text: string;
}

/** One request on one connection. The lowest level of undici: what it costs, it takes from the servers. */
export const ask = (
  client: Client,
  { method = 'POST', path, headers, body }: LoadRequest,
  keep: boolean,
): Promise<Outcome> =>
  new Promise((resolve, reject) => {
    let status = 0;
    let text = '';
    client.dispatch(
      { path, method, headers: headers as Record<string, string>, body: body ?? null },
      {
        onRequestStart: () => undefined,
        onResponseStart: (_controller, statusCode) => {
          status = statusCode;
        },
        onResponseData: (_controller, chunk) => {
          if (keep || status >= 300) text += String(chunk);
        },
        onResponseEnd: () => resolve({ status, text }),
        onResponseError: (_controller, error) => reject(error),
      },
    );
  });
