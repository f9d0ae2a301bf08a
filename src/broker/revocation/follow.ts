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

  const enter = ({ clientId }: Verifier): (() => void) => {
    const own = open.get(clientId) ?? 0;
    if (own >= MOST.each || count() >= MOST.all) throw tooMany();
    open.set(clientId, own + 1);
    return () => {
      const left = (open.get(clientId) ?? 1) - 1;
      if (left === 0) open.delete(clientId);
      else open.set(clientId, left);
    };
  };

  const tell = async function* (verifier: Verifier, from: number): AsyncGenerator<Told> {
    const leave = enter(verifier);
    const news = createNews(feed, stopping.signal);
    try {
      let position = from;
      yield { kind: 'position', position };
      while (!stopping.signal.aborted && verifier.isEntitled()) {
        const events = await feed.after(position, CHUNK);
        for (const event of events) {
          position = event.position;
          if (concerns(verifier, event)) yield { kind: 'event', event };
        }
        if (events.length === CHUNK || (await news.wait(heartbeat))) continue;
        feed.position(); // throws where silence would not mean that nothing happened
        yield { kind: 'alive' };
      }
    } finally {
      news.stop();
      leave();
    }
  };

  return {
    /**
     * @param since the position after which to begin; left out, now.
     * @throws {OAuthError} `too_many_requests`; `temporarily_unavailable` where revocations cannot be confirmed.
     */
    follow: async (
      verifier: Verifier,
      since: number | undefined,
    ): Promise<AsyncGenerator<Told>> => {
      if (stopping.signal.aborted) throw tooMany();
      enter(verifier)(); // refuses before anything is answered
      const head = await feed.confirm();
      return tell(verifier, Math.min(since ?? head, head));
    },
    stop: (): void => stopping.abort(),
  };
};

/** Wakes up for news, for the end of waiting, and for the end of all. */
const createNews = (feed: Pick<RevocationFeed, 'subscribe'>, stopping: AbortSignal) => {
  let isThere = false;
  let wake = (): void => undefined;
  const unsubscribe = feed.subscribe(() => {
    isThere = true;
    wake();
  });
  const onStop = (): void => wake();
  stopping.addEventListener('abort', onStop);
  return {
    /** Whether there is something to see; false after `milliseconds` of silence. */
    wait: async (milliseconds: number): Promise<boolean> => {
      if (!isThere && !stopping.aborted) {
        const { promise, resolve } = Promise.withResolvers<void>();
        wake = resolve;
        const timer = setTimeout(resolve, milliseconds);
        await promise;
        clearTimeout(timer);
      }
      const was = isThere || stopping.aborted;
      isThere = false;
      return was;
    },
    stop: (): void => {
      unsubscribe();
      stopping.removeEventListener('abort', onStop);
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
