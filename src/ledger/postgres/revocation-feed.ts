import { unavailable } from '../../protocol/oauth-error.ts';
import type { LockTarget } from '../records.ts';
import type { RevocationEvent, RevocationFeed } from '../revocation-feed.ts';
import type { Database } from './client.ts';
import { promptly } from './failure.ts';
import type { RevocationEvent as EventRow } from './generated/client.ts';

export interface RevocationFeedOptions {
  readonly now: () => Date;
  /** Milliseconds since some moment; never goes back. */
  readonly elapsed: () => number;
}

/** Milliseconds that the copy is believed after it was last confirmed: it is read again each second. */
const BELIEVED = 3_000;

/** Milliseconds after which nothing that was issued is alive: older locks are dropped from memory. */
const HORIZON = 32 * 24 * 3600 * 1000;

const CHUNK = 1_000;

/** Locks in memory below which none are dropped. */
const ROOMY = 10_000;

export interface LocalRevocationFeed extends RevocationFeed {
  /** As `confirm`: for the timer, and for notifications. */
  poll(): Promise<number>;
}

export const createRevocationFeed = (
  database: Database,
  { now, elapsed }: RevocationFeedOptions,
): LocalRevocationFeed => {
  /** The latest moment wins, whatever order locks come in. */
  const moments = new Map<LockTarget, number>();
  const listeners = new Set<() => void>();
  let head: number | undefined;
  let confirmedAt = Number.NEGATIVE_INFINITY;
  let limit = ROOMY;

  const horizon = (): number => now().getTime() - HORIZON;

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

  const apply = ({ target, effectiveAt, lifted, position }: RevocationEvent): void => {
    head = position;
    const moment = effectiveAt.getTime();
    // Lifting a block revives nothing: the moment stays.
    if (!lifted && moment > (moments.get(target) ?? Number.NEGATIVE_INFINITY))
      moments.set(target, moment);
  };

  const prune = (): void => {
    if (moments.size <= limit) return;
    for (const [target, moment] of moments) if (moment < horizon()) moments.delete(target);
    limit = Math.max(ROOMY, 2 * moments.size);
  };

  const read = async (): Promise<number> => {
    let asked = elapsed();
    head ??= await startOf(database, new Date(horizon()));
    const before = head;
    let events = await after(head, CHUNK);
    for (const event of events) apply(event);
    while (events.length === CHUNK) {
      asked = elapsed();
      events = await after(head, CHUNK);
      for (const event of events) apply(event);
    }
    // What was read was so when we asked, at the latest: a slow answer is old when it comes.
    confirmedAt = Math.max(confirmedAt, asked);
    prune();
    if (head > before) for (const listener of listeners) listener();
    return head;
  };

  const poll = oneAfterAnother(read);

  const mustBeFresh = (): number => {
    if (head === undefined || elapsed() - confirmedAt > BELIEVED)
      throw unavailable('revocations cannot be confirmed');
    return head;
  };

  return {
    poll,
    confirm: poll,
    after,
    position: mustBeFresh,
    isRevoked: (lineage, issuedAt) => {
      mustBeFresh();
      const issued = issuedAt.getTime();
      if (issued < horizon()) return true;
      return lineage.some((key) => {
        const moment = moments.get(key);
        return moment !== undefined && (key.startsWith('token:') || moment >= issued);
      });
    },
    subscribe: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
};

/** The position from which on every event may concern something alive. */
const startOf = async (database: Database, horizon: Date): Promise<number> => {
  const [row] = await promptly(
    () => database.$queryRaw<{ position: bigint }[]>`
      SELECT coalesce(min(position) FILTER (WHERE effective_at > ${horizon}::timestamptz) - 1, max(position), 0)
        AS position FROM revocation_event`,
  );
  return Number(row?.position ?? 0);
};

/**
 * Runs `work` once at a time. Who calls while it runs gets a run that begins after: one that had begun before
 * may have missed what the caller knows of.
 */
const oneAfterAnother = <Result>(work: () => Promise<Result>): (() => Promise<Result>) => {
  let running: Promise<Result> | undefined;
  let next: Promise<Result> | undefined;
  const run = (): Promise<Result> => {
    next = undefined;
    const current = work().finally(() => {
      if (running === current) running = undefined;
    });
    running = current;
    return current;
  };
  return () => {
    if (!running) return run();
    next ??= running.then(run, run);
    return next;
  };
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
