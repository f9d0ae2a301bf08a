import type { RevocationFeed } from '../../ledger/revocation-feed.ts';
import type { CurrentKeys } from './current-keys.ts';

export interface HeedDependencies {
  readonly feed: Pick<RevocationFeed, 'subscribe' | 'isRevoked'>;
  readonly keys: Pick<CurrentKeys, 'published'>;
  readonly follow: () => Promise<void>;
  readonly now: () => Date;
  readonly onError: (error: unknown) => void;
}

/** Milliseconds. Older news has been heard of by the round of each second. */
const RECENT = 60_000;

/**
 * Follows the keys at once when the feed names one of them, and does not wait for the round: a revoked key leaves
 * this instance's key set within the time news takes.
 *
 * @returns what ends it.
 */
export const heedRevocations = ({ feed, keys, follow, now, onError }: HeedDependencies) =>
  feed.subscribe(() => {
    const since = new Date(now().getTime() - RECENT);
    try {
      const isNamed = keys
        .published()
        .keys.some(({ kid }) => feed.isRevoked([`key:${kid}`], since));
      if (isNamed) void follow().catch(onError);
    } catch (error) {
      onError(error); // the feed cannot be believed now; the round asks the database itself
    }
  });
