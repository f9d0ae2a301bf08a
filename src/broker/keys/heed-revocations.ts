import type { RevocationFeed } from '../../ledger/revocation-feed.ts';

export interface HeedDependencies {
  readonly feed: Pick<RevocationFeed, 'subscribe'>;
  readonly follow: () => Promise<void>;
  readonly onError: (error: unknown) => void;
}

/**
 * Follows the keys at once when the feed names one, and does not wait for the round: a revoked key leaves this
 * instance's key set within the time news takes.
 *
 * @returns what ends it.
 */
export const heedRevocations = ({ feed, follow, onError }: HeedDependencies) =>
  feed.subscribe((events) => {
    if (events.some(({ target }) => target.startsWith('key:'))) void follow().catch(onError);
  });
