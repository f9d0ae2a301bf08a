import type { RevocationEvent, RevocationFeed } from '../../ledger/revocation-feed.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import { concerns, type Verifier } from './verifier.ts';

export interface FollowDependencies {
  readonly feed: RevocationFeed;
  /** Milliseconds between signs of life. */
  readonly heartbeat?: number;
}

/** What a follower is told: where it begins, what was revoked, or that it still listens. */
export type Told =
  | { readonly kind: 'position'; readonly position: number }
  | { readonly kind: 'event'; readonly event: RevocationEvent }
  | { readonly kind: 'alive' };

const HEARTBEAT = 15_000;
const CHUNK = 200;

/** Streams at once: of all followers, and of one. */
const MOST = { all: 200, each: 5 };

/**
 * Tells followers of revocations as they are committed, in order, without a gap. A stream ends when it can no
 * longer say that nothing was missed, when its follower loses the right to it, and when the process stops.
 */
export const createFollow = ({ feed, heartbeat = HEARTBEAT }: FollowDependencies) => {
  const open = new Map<string, number>();
  const stopping = new AbortController();
  const count = (): number => [...open.values()].reduce((sum, each) => sum + each, 0);

  const isFull = ({ clientId }: Verifier): boolean =>
    (open.get(clientId) ?? 0) >= MOST.each || count() >= MOST.all;

  const enter = ({ clientId }: Verifier): (() => void) => {
    open.set(clientId, (open.get(clientId) ?? 0) + 1);
    return () => {
      const left = (open.get(clientId) ?? 1) - 1;
      if (left === 0) open.delete(clientId);
      else open.set(clientId, left);
    };
  };

  const tell = async function* (
    verifier: Verifier,
    from: number,
    gone: AbortSignal,
  ): AsyncGenerator<Told> {
    // Several were let in at once: the one too many ends before it begins, and hears why when it comes again.
    if (isFull(verifier)) return;
    const leave = enter(verifier);
    const ending = AbortSignal.any([stopping.signal, gone]);
    const news = createNews(feed, ending);
    try {
      yield { kind: 'position', position: from };
      let position = from;
      while (!ending.aborted && verifier.isEntitled()) {
        const events = await feed.after(position, CHUNK);
        yield* events
          .filter((event) => concerns(verifier, event))
          .map((event) => ({ kind: 'event', event }) as const);
        position = events.at(-1)?.position ?? position;
        if (events.length < CHUNK && !(await news.wait(heartbeat))) yield alive();
      }
    } finally {
      news.stop();
      leave();
    }
  };

  /** @throws {OAuthError} where silence would not mean that nothing happened: the stream ends. */
  const alive = (): Told => {
    feed.position();
    return { kind: 'alive' };
  };

  return {
    /**
     * @param since the position after which to begin; left out, now.
     * @param gone aborted when the follower has left: a stream that waits for news is told no other way.
     * @throws {OAuthError} `too_many_requests`; `temporarily_unavailable` where revocations cannot be confirmed.
     */
    follow: async (
      verifier: Verifier,
      since: number | undefined,
      gone: AbortSignal,
    ): Promise<AsyncGenerator<Told>> => {
      if (stopping.signal.aborted || isFull(verifier)) throw tooMany();
      const head = await feed.confirm();
      return tell(verifier, Math.min(since ?? head, head), gone);
    },
    stop: (): void => stopping.abort(),
  };
};

/** Wakes up for news, for the end of waiting, and for the end of all. */
const createNews = (feed: Pick<RevocationFeed, 'subscribe'>, ending: AbortSignal) => {
  let isThere = false;
  let wake = (): void => undefined;
  const unsubscribe = feed.subscribe(() => {
    isThere = true;
    wake();
  });
  const onStop = (): void => wake();
  ending.addEventListener('abort', onStop);
  return {
    /** Whether there is something to see; false after `milliseconds` of silence. */
    wait: async (milliseconds: number): Promise<boolean> => {
      if (!isThere && !ending.aborted) {
        const { promise, resolve } = Promise.withResolvers<void>();
        wake = resolve;
        const timer = setTimeout(resolve, milliseconds);
        await promise;
        clearTimeout(timer);
      }
      const was = isThere || ending.aborted;
      isThere = false;
      return was;
    },
    stop: (): void => {
      unsubscribe();
      ending.removeEventListener('abort', onStop);
    },
  };
};

const tooMany = (): OAuthError =>
  new OAuthError('too_many_requests', 'too many streams are open', {
    retryAfter: 5,
    violations: [
      {
        field: 'request',
        rule: 'streams',
        message: `a client has at most ${MOST.each} streams open at one instance`,
        remedy: 'keep one stream for all of a service, and close those not read',
      },
    ],
  });
