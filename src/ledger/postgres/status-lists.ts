import { unavailable } from '../../protocol/oauth-error.ts';
import { oneAfterAnother } from '../one-after-another.ts';
import type { RevocationEvent, RevocationFeed } from '../revocation-feed.ts';
import { LIST_SIZE, type StatusList, type StatusLists } from '../status-lists.ts';
import type { RevokedPlaces } from './revoked-places.ts';

export interface StatusListsOptions {
  readonly feed: Pick<RevocationFeed, 'confirm' | 'subscribe'>;
  readonly places: RevokedPlaces;
  readonly now: () => Date;
}

/** Lists that are kept, 16 KiB each: those in use, and those whose last tokens are dying. */
const KEPT = 256;

/**
 * Milliseconds after which whatever was being issued when a revocation took effect is on record, or never will be. One
 * that blocks nobody (`block: false`) lets it be recorded: a token that is dead from the start.
 */
const SETTLED = 10_000;

interface Kept extends StatusList {
  version: number;
  /** Some token of it lives until then. */
  aliveUntil: Date;
}

/** A revocation whose tokens are to be looked for once it is due: as it is told, and when all has settled. */
interface Told {
  readonly event: RevocationEvent;
  /** Epoch milliseconds. */
  readonly due: number;
  readonly isFirst: boolean;
}

/**
 * Status lists as one instance keeps them. Each is read once; from then on the bits are set that revocations cost, as
 * the feed tells of them. Nothing is answered before the database has said that there is no more to tell (ADR 14).
 */
export const createStatusLists = ({ feed, places, now }: StatusListsOptions): StatusLists => {
  const kept = new Map<number, Kept>();
  const finding = new Map<number, Promise<Kept | undefined>>();
  let told: readonly Told[] = [];
  let versions = 0;

  const mark = (revoked: readonly number[]): void => {
    for (const place of revoked) {
      const list = kept.get(Math.floor(place / LIST_SIZE));
      if (list && setBit(list.bits, place % LIST_SIZE)) {
        versions += 1;
        list.version = versions;
      }
    }
  };

  const markKilledBy = async (events: readonly RevocationEvent[], at: Date): Promise<void> => {
    // Whatever is read from now on has it.
    if (kept.size === 0) return;
    const numbers = [...kept.keys()];
    const lists = { from: Math.min(...numbers), to: Math.max(...numbers) + 1 };
    try {
      mark(await places.killedBy(latestOfEach(events), lists, at));
    } catch {
      // Leans closed: what may lack something is read anew, or not answered.
      kept.clear();
    }
  };

  const catchUp = oneAfterAnother(async () => {
    const at = now();
    const due = told.filter((one) => one.due <= at.getTime());
    if (due.length === 0) return;
    told = told.filter((one) => one.due > at.getTime());
    await markKilledBy(
      due.map(({ event }) => event),
      at,
    );
    const again = due.filter(({ isFirst }) => isFirst).map(({ event }) => onceSettled(event, at));
    told = [...told, ...again];
  });

  feed.subscribe((events) => {
    const revocations = events.filter(({ lifted }) => !lifted);
    told = [...told, ...revocations.map((event) => ({ event, due: 0, isFirst: true }))];
    void catchUp();
  });

  const load = async (list: number): Promise<Kept> => {
    versions += 1;
    const bits = new Uint8Array(LIST_SIZE / 8);
    const loaded = { bits, version: versions, aliveUntil: new Date(0) };
    // Kept before it is read: what is told meanwhile is marked as well.
    kept.set(list, loaded);
    for (const oldest of kept.keys()) if (kept.size > KEPT) kept.delete(oldest);
    try {
      const revoked = await places.revocationsSince(list, now());
      mark(await places.killedBy(revoked, { from: list, to: list + 1 }, now()));
      if (kept.get(list) !== loaded) throw unavailable('status list: not kept while it was read');
      return loaded;
    } catch (error) {
      kept.delete(list);
      throw error;
    }
  };

  const find = async (list: number): Promise<Kept | undefined> => {
    const end = await places.someEnd(list, now());
    if (end === undefined) {
      kept.delete(list);
      return undefined;
    }
    const found = kept.get(list) ?? (await load(list));
    found.aliveUntil = end;
    return found;
  };

  const findOnce = (list: number): Promise<Kept | undefined> => {
    const found = finding.get(list) ?? find(list).finally(() => finding.delete(list));
    finding.set(list, found);
    return found;
  };

  return {
    read: async (list) => {
      await feed.confirm();
      await catchUp();
      const known = kept.get(list);
      return known && known.aliveUntil > now() ? known : findOnce(list);
    },
  };
};

/** A key's revocation is told once for each tenant. */
const latestOfEach = (events: readonly RevocationEvent[]): readonly RevocationEvent[] => {
  const latest = new Map<string, RevocationEvent>();
  for (const event of events) {
    const known = latest.get(event.target);
    if (!known || known.effectiveAt < event.effectiveAt) latest.set(event.target, event);
  }
  return [...latest.values()];
};

const onceSettled = (event: RevocationEvent, at: Date): Told => ({
  event,
  due: Math.max(event.effectiveAt.getTime(), at.getTime()) + SETTLED,
  isFirst: false,
});

/** Whether it was not set before. */
const setBit = (bits: Uint8Array, place: number): boolean => {
  const byte = bits[place >> 3] ?? 0;
  const changed = byte | (1 << (place & 7));
  bits[place >> 3] = changed;
  return changed !== byte;
};
