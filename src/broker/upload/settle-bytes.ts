import type { AuditTrail, Objects } from '../../ledger/ledger.ts';
import type { ObjectRecord } from '../../ledger/records.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import {
  bringInspectedHome,
  createOnReplaced,
  keepApart,
  lookHome,
  lookInStaging,
  quarantineKeyOf,
} from './inspected-bytes.ts';

export interface SettleBytesDependencies {
  readonly objects: Pick<Objects, 'find' | 'placed'>;
  readonly audit: Pick<AuditTrail, 'append'>;
  readonly stores: (bucketId: string) => ObjectStore;
  readonly now: () => Date;
}

/** How long what was rejected is kept apart, for whoever has to find out what happened: seven days. */
export const REJECTED_KEPT_MS = 7 * 24 * 3_600_000;

/**
 * How long somebody may be held up who was moving bytes when their status changed. What was released also stays where it
 * was kept apart until then, and is put back from there where it is taken away again; what was deleted is deleted again
 * until then, as a copy of it may have ended since.
 */
const HELD_UP_MS = 600_000;

const mayStillMove = ({ settledAt }: ObjectRecord, now: Date): boolean =>
  now.getTime() - (settledAt?.getTime() ?? 0) < HELD_UP_MS;

/**
 * Brings the bytes of an object to where its status wants them. First the row, then the bytes: who may read what is
 * decided in the ledger, at once; this follows, may be repeated at any step, and is, until it is done.
 */
export const createSettleBytes = (dependencies: SettleBytesDependencies) => {
  const { objects, stores, now } = dependencies;
  const onReplaced = createOnReplaced(dependencies);

  const moveApart = async (object: ObjectRecord, store: ObjectStore): Promise<void> => {
    const apart = quarantineKeyOf(object);
    // What was inspected, and never what has been put in its place since: that goes on record, and away.
    const home = await lookHome(object, store, onReplaced);
    const kept = await store.head(apart);
    const from = kept ? undefined : (home ?? (await lookInStaging(object, store)));
    if (from) await keepApart(object, from, store);
    const isApart = kept !== undefined || from !== undefined;
    // Released meanwhile? Then what lies under the final key is no longer ours to take.
    if ((await objects.find(object.objectId))?.status !== object.status) return;
    await store.delete(object.key);
    const bytes = isApart ? 'apart' : 'nowhere';
    await objects.placed(object.objectId, object.status, { bytes, since: now() });
  };

  const bringHome = async (object: ObjectRecord, store: ObjectStore): Promise<void> => {
    const revision = await bringInspectedHome(object, store, onReplaced);
    const { objectId, status } = object;
    if (revision !== object.revision)
      await objects.placed(objectId, status, { bytes: 'at_home_too', revision });
    if (mayStillMove(object, now())) return;
    await store.delete(quarantineKeyOf(object));
    await objects.placed(objectId, status, { bytes: 'at_home', revision });
  };

  const remove = async (object: ObjectRecord, store: ObjectStore): Promise<void> => {
    await lookHome(object, store, onReplaced);
    await store.delete(object.key);
    await store.delete(quarantineKeyOf(object));
    // What was never apart was never on its way anywhere.
    if (object.apartAt !== undefined && mayStillMove(object, now())) return;
    await objects.placed(object.objectId, object.status, { bytes: 'nowhere', since: now() });
  };

  /** What was copied while it was deleted goes as well. */
  const unlessDeleted = async (
    move: typeof remove,
    object: ObjectRecord,
    store: ObjectStore,
  ): Promise<void> => {
    try {
      await move(object, store);
    } finally {
      const current = await objects.find(object.objectId);
      if (current?.status === 'deleted') await remove(current, store);
    }
  };

  return async (object: ObjectRecord): Promise<void> => {
    const store = stores(object.bucketId);
    const isWithheld = object.status === 'rejected' || object.status === 'quarantined';
    if (object.status === 'available') await unlessDeleted(bringHome, object, store);
    else if (isWithheld && object.apartAt === undefined)
      await unlessDeleted(moveApart, object, store);
    else if (object.status === 'rejected' || object.status === 'deleted')
      await remove(object, store);
  };
};

export type SettleBytes = ReturnType<typeof createSettleBytes>;
