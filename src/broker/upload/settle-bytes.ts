import type { Objects } from '../../ledger/ledger.ts';
import type { ObjectRecord } from '../../ledger/records.ts';
import { unavailable } from '../../protocol/oauth-error.ts';
import { QUARANTINE_PREFIX } from '../../scope/canonical-path.ts';
import type { ObjectStore } from '../../storage/object-store.ts';

export interface SettleBytesDependencies {
  readonly objects: Pick<Objects, 'find' | 'placed'>;
  readonly stores: (bucketId: string) => ObjectStore;
  readonly now: () => Date;
}

/** How long what was rejected is kept apart, for whoever has to find out what happened: seven days. */
export const REJECTED_KEPT_MS = 7 * 24 * 3_600_000;

/**
 * How long what was released also stays where it was kept apart. Whoever took it there may have been held up before
 * its last step, and then takes away what has been put back: from here it is put back once more.
 */
const RELEASED_KEPT_MS = 600_000;

/** It is nobody's to render. */
const OPAQUE = 'application/octet-stream';

/** No grant, listing, URL or lent credential reaches it, and its name cannot be guessed. */
export const quarantineKeyOf = ({ objectId, stagingKey }: ObjectRecord): string =>
  `${QUARANTINE_PREFIX}${objectId}/${stagingKey.slice(stagingKey.lastIndexOf('/') + 1)}`;

/**
 * Brings the bytes of an object to where its status wants them. First the row, then the bytes: who may read what is
 * decided in the ledger, at once; this follows, may be repeated at any step, and is, until it is done.
 */
export const createSettleBytes = (dependencies: SettleBytesDependencies) => {
  const { objects, stores, now } = dependencies;

  const moveApart = async (object: ObjectRecord, store: ObjectStore): Promise<void> => {
    const apart = quarantineKeyOf(object);
    const from = await firstThere(store, [object.key, object.stagingKey]);
    if (from) await store.copy(from.key, apart, from.version, OPAQUE);
    const isApart = from !== undefined || (await store.head(apart)) !== undefined;
    // Released meanwhile? Then what lies under the final key is no longer ours to take.
    if ((await objects.find(object.objectId))?.status !== object.status) return;
    await store.delete(object.key);
    const bytes = isApart ? 'apart' : 'nowhere';
    await objects.placed(object.objectId, object.status, { bytes, since: now() });
  };

  const bringHome = async (object: ObjectRecord, store: ObjectStore): Promise<void> => {
    const apart = quarantineKeyOf(object);
    const home = (await store.head(object.key)) ?? (await copyHome(object, store));
    const since = object.settledAt?.getTime() ?? 0;
    if (now().getTime() - since < RELEASED_KEPT_MS) return;
    await store.delete(apart);
    const where = { bytes: 'at_home', revision: home.version } as const;
    await objects.placed(object.objectId, object.status, where);
  };

  const remove = async (object: ObjectRecord, store: ObjectStore): Promise<void> => {
    await store.delete(object.key);
    await store.delete(quarantineKeyOf(object));
    await objects.placed(object.objectId, object.status, { bytes: 'nowhere', since: now() });
  };

  return async (object: ObjectRecord): Promise<void> => {
    const store = stores(object.bucketId);
    const isWithheld = object.status === 'rejected' || object.status === 'quarantined';
    if (object.status === 'available') await bringHome(object, store);
    else if (isWithheld && object.apartAt === undefined) await moveApart(object, store);
    else if (object.status === 'rejected' || object.status === 'deleted')
      await remove(object, store);
  };
};

export type SettleBytes = ReturnType<typeof createSettleBytes>;

const firstThere = async (store: ObjectStore, keys: readonly string[]) => {
  for (const key of keys) {
    const found = await store.head(key);
    if (found) return { key, version: found.version };
  }
  return undefined;
};

const copyHome = async (object: ObjectRecord, store: ObjectStore) => {
  const apart = quarantineKeyOf(object);
  const kept = await store.head(apart);
  if (kept) await store.copy(apart, object.key, kept.version, object.contentType);
  const home = kept && (await store.head(object.key));
  if (!home)
    throw unavailable(`the bytes of ${object.objectId} are not where they were kept apart`);
  return home;
};
