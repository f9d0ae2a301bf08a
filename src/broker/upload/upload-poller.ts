import type { Objects } from '../../ledger/ledger.ts';
import type { ObjectRecord } from '../../ledger/records.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { ARRIVAL_MS } from './arrival.ts';
import { auditOf } from './audit-of.ts';
import { REJECTED_KEPT_MS, type SettleBytes } from './settle-bytes.ts';
import type { Validation } from './validate-upload.ts';

export interface UploadPollerDependencies {
  readonly objects: Objects;
  readonly stores: (bucketId: string) => ObjectStore;
  readonly validate: (object: ObjectRecord) => Promise<Validation>;
  readonly settleBytes: SettleBytes;
  readonly now: () => Date;
  readonly onError: (error: unknown) => void;
}

/** How long an object belongs to the instance that validates it. Renewed while it does: a crash is noticed as soon. */
const LEASE_MS = 15_000;
/** How long the bytes of a settled object belong to the instance that moves them, and until they are looked at again. */
const MOVE_MS = 60_000;
const AT_ONCE = 16;

/**
 * The part of the life cycle that waits for nobody: it finds uploads nobody announced, validates what has arrived,
 * expires what never came, and clears staging once its URLs are dead. Any number of instances may run it; a lease
 * decides who takes what.
 */
export const createUploadPoller = (dependencies: UploadPollerDependencies) => {
  const { objects, stores, now, validate, settleBytes, onError } = dependencies;
  const inHand = new Map<string, Promise<unknown>>();
  const later = (milliseconds: number): Date => new Date(now().getTime() + milliseconds);

  /** Whether more had arrived than there was room for: then whoever is done makes room for the next. */
  let isBehind = false;
  let isStopping = false;

  const takeUp = inTurn(async (): Promise<readonly Promise<unknown>[]> => {
    const room = AT_ONCE - inHand.size;
    isBehind = room <= 0;
    if (isBehind || isStopping) return [];
    const leased = await objects.lease(now(), later(LEASE_MS), room);
    isBehind = leased.length === room;
    return leased.map(validateOne);
  });

  const validateArrived = async (): Promise<void> => {
    await Promise.all(await takeUp());
  };

  const validateOne = (object: ObjectRecord): Promise<unknown> => {
    const done = validate(object)
      .catch(onError)
      .finally(() => {
        inHand.delete(object.objectId);
        if (isBehind) void takeUp().catch(onError);
      });
    inHand.set(object.objectId, done);
    keepLeases();
    return done;
  };

  let renewal: NodeJS.Timeout | undefined;
  const keepLeases = (): void => {
    renewal ??= setInterval(() => {
      if (inHand.size > 0) void objects.renew([...inHand.keys()], later(LEASE_MS)).catch(onError);
      else {
        clearInterval(renewal);
        renewal = undefined;
      }
    }, LEASE_MS / 3).unref();
  };

  let lookedAt: string | undefined;
  const findUnannounced = async (): Promise<void> => {
    const found = await objects.pending({ limit: AT_ONCE * 4, after: lookedAt });
    // Round and round: uploads that nobody ever makes do not keep those behind them waiting.
    lookedAt = found.at(-1)?.objectId;
    await eachOf(found, async (object) => {
      const arrived = await stores(object.bucketId).head(object.stagingKey);
      const isLate = object.uploadExpiresAt.getTime() + ARRIVAL_MS < now().getTime();
      if (!arrived && !isLate) return;
      const to = arrived ? 'uploaded' : 'expired';
      const audit = auditOf(object, now(), `upload.${to}`);
      await objects.advance({ objectId: object.objectId, from: ['pending'], to, at: now(), audit });
    });
  };

  /** Not before the URL is dead: a deleted key could be written again. */
  const clearStaging = async (): Promise<void> => {
    await eachOf(await objects.stale(later(-ARRIVAL_MS), AT_ONCE), async (object) => {
      await stores(object.bucketId).delete(object.stagingKey);
      // A copy of it, by an instance that had lost its lease, may have ended after it was deleted.
      if (object.status === 'deleted') await stores(object.bucketId).delete(object.key);
      await objects.forgetStaging(object.objectId, now());
    });
  };

  /** What is withheld goes apart, what is released comes home, what was rejected long ago or deleted goes. */
  const settleMisplaced = async (): Promise<void> => {
    const rejectedBefore = later(-REJECTED_KEPT_MS);
    const found = await objects.misplaced(now(), later(MOVE_MS), rejectedBefore, AT_ONCE);
    await eachOf(found, settleBytes);
  };

  /** One object that fails is tried again next time, and holds up no other. */
  const eachOf = async (
    found: readonly ObjectRecord[],
    step: (object: ObjectRecord) => Promise<unknown>,
  ): Promise<void> => {
    const outcomes = await Promise.allSettled(found.map(step));
    for (const outcome of outcomes) if (outcome.status === 'rejected') onError(outcome.reason);
  };

  return {
    /** What `complete` wakes: only what is known to have arrived. Resolves when that is settled, or has to wait. */
    validateArrived,
    /** One round of all that is no validation: a large file that is looked into holds none of it up. */
    poll: async (): Promise<void> => {
      await findUnannounced();
      await settleMisplaced();
      await clearStaging();
    },
    /** Takes up nothing any more. Resolves once nothing is being validated. */
    stop: async (): Promise<void> => {
      isStopping = true;
      await takeUp(); // what was being leased when this was said is in hand by now
      await Promise.allSettled(inHand.values());
    },
  };
};

/**
 * One call at a time: those who come while one is under way share the next, which begins after they came, and so
 * sees what they have written.
 */
const inTurn = <Result>(work: () => Promise<Result>): (() => Promise<Result>) => {
  let running: Promise<unknown> = Promise.resolve();
  let next: Promise<Result> | undefined;
  return () => {
    next ??= running.then(() => {
      next = undefined;
      const result = work();
      running = result.catch(() => undefined);
      return result;
    });
    return next;
  };
};
