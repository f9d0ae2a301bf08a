import { unavailable } from '../../protocol/oauth-error.ts';
import { oneAfterAnother } from '../one-after-another.ts';
import type { LockTarget } from '../records.ts';
import type { RevocationEvent, RevocationFeed } from '../revocation-feed.ts';
import type { Database } from './client.ts';
import { promptly } from './failure.ts';
import type { RevocationEvent as EventRow } from './generated/client.ts';

export interface RevocationFeedOptions {
  /** Milliseconds since some moment; never goes back. */
  readonly elapsed: () => number;
}

/** Milliseconds that a reading is believed after it was last confirmed: it is read again each second. */
const BELIEVED = 3_000;

const CHUNK = 1_000;

type Listener = Parameters<RevocationFeed['subscribe']>[0];

export interface LocalRevocationFeed extends RevocationFeed {
  /** As `confirm`: for the timer, and for notifications. */
  poll(): Promise<number>;
}

export const createRevocationFeed = (
  database: Database,
  { elapsed }: RevocationFeedOptions,
): LocalRevocationFeed => {
  const listeners = new Set<Listener>();
  let head: number | undefined;
  let confirmedAt = Number.NEGATIVE_INFINITY;

  const after = async (position: number, count: number): Promise<readonly RevocationEvent[]> => {
    const rows = await promptly(() =>
      database.revocationEvent.findMany({
        where: { position: { gt: position } },
        orderBy: { position: 'asc' },
        take: count,
      }),
    );
    return rows.map(fromRow);
  };

  /** The next events, told to whoever listens; whether there may be more. */
  const readOn = async (from: number): Promise<boolean> => {
    const events = await after(from, CHUNK);
    head = events.at(-1)?.position ?? from;
    if (events.length > 0) for (const listener of listeners) listener(events);
    return events.length === CHUNK;
  };

  const read = async (): Promise<number> => {
    let asked = elapsed();
    head ??= await newest(database);
    while (await readOn(head)) asked = elapsed();
    // What was read was so when we asked, at the latest: a slow answer is old when it comes.
    confirmedAt = Math.max(confirmedAt, asked);
    return head;
  };

  const poll = oneAfterAnother(read);

  return {
    poll,
    confirm: poll,
    after,
    position: () => {
      if (head === undefined || elapsed() - confirmedAt > BELIEVED)
        throw unavailable('revocations cannot be confirmed');
      return head;
    },
    subscribe: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
};

/** Where to begin: whoever begins now missed nothing before. */
const newest = async (database: Database): Promise<number> => {
  const { _max } = await promptly(() =>
    database.revocationEvent.aggregate({ _max: { position: true } }),
  );
  return Number(_max.position ?? 0);
};

const fromRow = (row: EventRow): RevocationEvent => ({
  position: Number(row.position),
  revocationId: row.revocationId,
  target: row.target as LockTarget,
  tenantId: row.tenantId,
  block: row.block,
  effectiveAt: row.effectiveAt,
  lifted: row.lifted,
});
