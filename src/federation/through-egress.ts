import type { CustomFetch } from 'openid-client';
import type { Fetch } from '../egress/fetch.ts';

/** Statuses whose answers have no body by definition: `Response` refuses to be given one. */
const WITHOUT_BODY: ReadonlySet<number> = new Set([204, 205, 304]);

const plain = (
  headers: Readonly<Record<string, string | string[] | undefined>>,
): [string, string][] =>
  Object.entries(headers).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, [value].flat().join(', ')]],
  );

/**
 * What openid-client calls out with: one that resolves, checks and pins the address, follows no redirect and
 * ends in time (egress/). Metadata says where to call, so this is what stands between it and our network.
 */
export const throughEgress =
  (fetch: Fetch): CustomFetch =>
  async (url, { method, headers, body }) => {
    const answer = await fetch(url, {
      method: method === 'POST' ? 'POST' : 'GET',
      headers,
      ...(body !== undefined && body !== null && { body: String(body) }),
    });
    return new Response(WITHOUT_BODY.has(answer.status) ? null : new Uint8Array(answer.body), {
      status: answer.status,
      headers: plain(answer.headers),
    });
  };
