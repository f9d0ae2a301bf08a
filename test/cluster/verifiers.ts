import { setTimeout as pause } from 'node:timers/promises';
import { inflateSync } from 'node:zlib';
import { type EventStream, openEventStream } from '../support/event-stream.ts';
import type { Cluster, OfflineToken } from './cluster.ts';

/** Resource servers that verify tokens themselves: one reads status lists, one follows the feed. */

/** What an instance's status list says of a token: whether its bit is set, or the status it was refused with. */
export const readStatus = async (
  cluster: Cluster,
  place: number,
  { list, index }: OfflineToken,
): Promise<boolean | number> => {
  const answer = await fetch(`${cluster.rig.brokers[place]!.url}${list}`);
  const jwt = await answer.text();
  if (answer.status !== 200) return answer.status;
  const claims = JSON.parse(Buffer.from(jwt.split('.')[1]!, 'base64url').toString()) as {
    status_list: { lst: string };
  };
  const bits = inflateSync(Buffer.from(claims.status_list.lst, 'base64url'));
  return ((bits[index >> 3]! >> (index & 7)) & 1) === 1;
};

export interface Follower {
  /** Moments at which it was told of a token, by id. */
  readonly told: ReadonlyMap<string, number>;
  /** What must never be: an event twice, out of order, or one left out. */
  readonly faults: readonly string[];
  /** Times it was cut off, or let go by an instance that could not say that it had missed nothing. */
  readonly ends: () => number;
  /** Resolves with the moment it was told of the token. */
  hear(tokenId: string, within: number): Promise<number>;
  stop(): void;
}

/** Follows the feed of one instance, and comes back with `Last-Event-ID` whenever the stream ends. */
export const follow = async (cluster: Cluster, place: number): Promise<Follower> => {
  const told = new Map<string, number>();
  const waiting = new Map<string, (at: number) => void>();
  const faults: string[] = [];
  let position: number | undefined;
  let ends = 0;
  let stream: EventStream | undefined;
  let isOver = false;

  const open = async (): Promise<EventStream> => {
    const { client_id, client_assertion_type, client_assertion } = cluster.assertion();
    const opened = await openEventStream(cluster.rig.brokers[place]!.url, {
      method: 'POST',
      headers: position === undefined ? {} : { 'last-event-id': String(position) },
      body: new URLSearchParams({ client_id, client_assertion_type, client_assertion } as Record<
        string,
        string
      >),
    });
    if (opened.response.status !== 200) throw new Error(`${opened.response.status}`);
    const start = (await opened.next())?.id;
    if (position !== undefined && start !== undefined && start < position)
      faults.push(`sent back from ${position} to ${start}`);
    position ??= start;
    return opened;
  };

  /** Until the stream ends. All events here are of one tenant: their numbers have no gaps. */
  const listen = async (current: EventStream): Promise<void> => {
    for (;;) {
      const event = await current.next().catch(() => undefined);
      if (event === undefined) return;
      const at = performance.now();
      if (event.id !== (position ?? 0) + 1) faults.push(`${event.id} after ${position}`);
      position = event.id;
      const id = event.data?.target.token_id;
      if (id === undefined) continue;
      if (told.has(id)) faults.push(`${id} twice`);
      told.set(id, at);
      waiting.get(id)?.(at);
    }
  };

  const keepFollowing = async (): Promise<void> => {
    while (!isOver) {
      if (stream) await listen(stream);
      if (isOver) return;
      ends += 1;
      stream = await open().catch(() => undefined);
      if (!stream) await pause(50);
    }
  };

  stream = await open();
  void keepFollowing();
  return {
    told,
    faults,
    ends: () => ends,
    hear: async (tokenId, within) => {
      const known = told.get(tokenId);
      if (known !== undefined) return known;
      const { promise, resolve, reject } = Promise.withResolvers<number>();
      const timer = setTimeout(
        () => reject(new Error(`instance ${place} told nothing of ${tokenId} in ${within} ms`)),
        within,
      );
      waiting.set(tokenId, resolve);
      return promise.finally(() => {
        clearTimeout(timer);
        waiting.delete(tokenId);
      });
    },
    stop: () => {
      isOver = true;
      stream?.close();
    },
  };
};
