import type { Objects, Page, StepRefusal, Tokens } from '../../ledger/ledger.ts';
import type { ObjectFilter } from '../../ledger/placements.ts';
import type { ObjectRecord, ObjectStatus } from '../../ledger/records.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { type Admin, mustReach } from '../admin.ts';
import { type AuditDraft, type Audited, audited } from '../audited.ts';
import { noSuchUpload } from '../own-object.ts';
import { mustStillHold } from '../use.ts';
import { createWhileHeld } from '../while-held.ts';
import { bringInspectedHome, createOnReplaced } from './inspected-bytes.ts';
import type { SettleBytes } from './settle-bytes.ts';

export interface OverseeUploadsDependencies {
  readonly objects: Objects;
  readonly tokens: Pick<Tokens, 'recheck'>;
  readonly audit: Audited['audit'];
  readonly settleBytes: SettleBytes;
  readonly stores: (bucketId: string) => ObjectStore;
  readonly onError: (error: unknown) => void;
  readonly now: () => Date;
}

/** A decision on an upload that its uploader has no part in. */
interface Decision {
  readonly action: 'upload.quarantine' | 'upload.release' | 'upload.delete';
  readonly from: readonly ObjectStatus[];
  readonly to: ObjectStatus;
}

const QUARANTINE: Decision = {
  action: 'upload.quarantine',
  from: ['available'],
  to: 'quarantined',
};
const RELEASE: Decision = { action: 'upload.release', from: ['quarantined'], to: 'available' };
const DELETE: Decision = {
  action: 'upload.delete',
  from: ['quarantined', 'rejected'],
  to: 'deleted',
};

/** How long a release may take to copy, before what it has copied is taken away again. */
const COPY_MS = 600_000;

/**
 * What the security desk does with uploads. A decision holds at once, for every reader. The bytes of what is withheld
 * follow, here where they can and else with the poller; those of what is released go before.
 */
export const createOverseeUploads = (dependencies: OverseeUploadsDependencies) => {
  const whileHeld = createWhileHeld(dependencies);
  const decideWith =
    (decision: Decision) =>
    (admin: Admin, objectId: string, reason?: string): Promise<ObjectRecord> =>
      decide(dependencies, decision, admin, objectId, reason);

  return {
    listUploads: (
      admin: Admin,
      filter: Omit<ObjectFilter, 'tenantId'>,
      page: Page,
    ): Promise<readonly ObjectRecord[]> => {
      const tenantId = admin.deployment ? undefined : admin.tenantId;
      return whileHeld(admin, () => dependencies.objects.search({ ...filter, tenantId }, page));
    },
    /** @throws {OAuthError} `not_found` where there is none, or none within reach. */
    showUpload: async (admin: Admin, objectId: string): Promise<ObjectRecord> => {
      const found = await whileHeld(admin, () => dependencies.objects.find(objectId));
      mustReach(admin, found?.tenantId, noSuchUpload());
      if (!found) throw noSuchUpload();
      return found;
    },
    /** Out of every reader's sight, with its bytes. @throws {OAuthError} `conflict` unless it is available. */
    quarantineUpload: decideWith(QUARANTINE),
    /**
     * Back to the key it had, also where what it came from was revoked or the virus scanner was mistaken: whoever
     * releases it answers for it. @throws {OAuthError} `conflict` unless it is quarantined, and what was inspected is
     * still there; `temporarily_unavailable` where its bytes cannot be brought home now.
     */
    releaseUpload: decideWith(RELEASE),
    /** For good. @throws {OAuthError} `conflict` unless it is quarantined or rejected. */
    deleteUpload: decideWith(DELETE),
  };
};

export type OverseeUploads = ReturnType<typeof createOverseeUploads>;

const decide = (
  dependencies: OverseeUploadsDependencies,
  { action, from, to }: Decision,
  admin: Admin,
  objectId: string,
  reason: string | undefined,
): Promise<ObjectRecord> =>
  audited(dependencies, action, admin.known, [], async (event) => {
    const { objects, now } = dependencies;
    const object = await within(objects, admin, objectId, event);
    // Said twice, it is done once.
    if (object.status === to) return object;
    const home = to === 'available' ? await bringHome(dependencies, object) : {};
    const at = now();
    const refusal = await objects.advance({
      objectId,
      from,
      to,
      at,
      ...home,
      ...(reason === undefined || to !== 'quarantined' ? {} : { reason }),
      despiteRevocation: true,
      holder: admin.holder,
      audit: {
        ...event,
        at,
        action,
        outcome: 'granted',
        detail: {
          key: object.key,
          from: object.status,
          ...(reason === undefined ? {} : { reason }),
        },
      },
    });
    const settled = await settle(dependencies, { ...object, status: to }, refusal);
    mustBeTaken(refusal, object, from);
    return settled;
  });

/** Also where a release was refused: what had come home goes back, or away where it was deleted meanwhile. */
const settle = async (
  { objects, settleBytes, onError, now }: OverseeUploadsDependencies,
  object: ObjectRecord,
  refusal: StepRefusal | undefined,
): Promise<ObjectRecord> => {
  const settled = (await objects.find(object.objectId)) ?? object;
  const { objectId, status } = settled;
  const isOurs = refusal === undefined || status === 'quarantined' || status === 'deleted';
  // Thought to be gone, they may have come since: where that fails which now follows, the poller looks again.
  if (refusal !== undefined && status === 'deleted')
    await objects.placed(objectId, status, { bytes: 'on_their_way', until: now() });
  if (isOurs) await settleBytes(settled).catch(onError);
  return settled;
};

/** First the bytes, so that who may read reads what was inspected, by the revision on record. */
const bringHome = async (
  dependencies: OverseeUploadsDependencies,
  object: ObjectRecord,
): Promise<{ readonly revision?: string }> => {
  const { objects, stores, now } = dependencies;
  if (object.status !== 'quarantined') return {};
  // Should this end before the step below, they are taken away again.
  const until = new Date(now().getTime() + COPY_MS);
  await objects.placed(object.objectId, 'quarantined', { bytes: 'on_their_way', until });
  const onReplaced = createOnReplaced(dependencies);
  try {
    return { revision: await bringInspectedHome(object, stores(object.bucketId), onReplaced) };
  } catch (error) {
    // What has come so far goes back at once: a URL that was signed before would read it.
    await settle(dependencies, object, 'moved_on');
    throw error;
  }
};

const within = async (
  objects: Objects,
  admin: Admin,
  objectId: string,
  event: AuditDraft,
): Promise<ObjectRecord> => {
  const object = await objects.find(objectId);
  mustReach(admin, object?.tenantId, noSuchUpload());
  if (!object || object.status === 'deleted') throw noSuchUpload();
  event.objectId = objectId;
  event.resource = `bucket:${object.bucketId}`;
  return object;
};

const mustBeTaken = (
  refusal: StepRefusal | undefined,
  { status }: ObjectRecord,
  from: readonly ObjectStatus[],
): void => {
  if (refusal !== 'moved_on') {
    mustStillHold(refusal);
    return;
  }
  throw new OAuthError('conflict', `the upload is not ${from.join(' or ')}`, {
    violations: [
      {
        field: 'id',
        rule: 'upload_status',
        message: `the upload is ${status}, and only one that is ${from.join(' or ')} can be asked this of`,
        remedy:
          from.includes('quarantined') && status === 'rejected'
            ? 'rejected bytes are never released: have it uploaded again, once it is what it says'
            : 'look at its status again',
      },
    ],
  });
};
