import type { ObjectRecord } from '../../ledger/records.ts';
import { auditOf, type ValidateUploadDependencies, type Validation } from './validate-upload.ts';

export interface UploadPollerDependencies extends Omit<ValidateUploadDependencies, 'inspect'> {
  readonly validate: (object: ObjectRecord) => Promise<Validation>;
  readonly onError: (error: unknown) => void;
}

/** How long an object belongs to the instance that validates it. */
const LEASE_MS = 60_000;
/** After its URL has expired an upload begun in time may still be arriving, and clocks may disagree. */
const ARRIVAL_MS = 60_000;
const AT_ONCE = 16;

/**
 * The part of the life cycle that waits for nobody: it finds uploads nobody announced, validates what
 * has arrived, expires what never came, and clears staging once its URLs are dead. Any number of
 * instances may run it; a lease decides who takes what.
 */
export const createUploadPoller = (dependencies: UploadPollerDependencies) => {
  const { objects, stores, now, validate, onError } = dependencies;

  const validateArrived = async (): Promise<number> => {
    const leased = await objects.lease(now(), new Date(now().getTime() + LEASE_MS), AT_ONCE);
    await eachOf(leased, validate);
    return leased.length;
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
    const before = new Date(now().getTime() - ARRIVAL_MS);
    await eachOf(await objects.stale(before, AT_ONCE), async (object) => {
      await stores(object.bucketId).delete(object.stagingKey);
      // A crash between the row and the bytes of a deletion leaves them to this.
      if (object.status === 'deleted') await stores(object.bucketId).delete(object.key);
      await objects.forgetStaging(object.objectId, now());
    });
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
    /** What `complete` wakes: only what is known to have arrived. */
    validateArrived,
    /** One round of everything. */
    poll: async (): Promise<void> => {
      await findUnannounced();
      await validateArrived();
      await clearStaging();
    },
  };
};
