import type { Objects, Page, StepRefusal, Tokens } from '../../ledger/ledger.ts';
import type { ObjectFilter } from '../../ledger/placements.ts';
import type { ObjectRecord, ObjectStatus } from '../../ledger/records.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import { type Admin, mustReach } from '../admin.ts';
import { type AuditDraft, type Audited, audited } from '../audited.ts';
import { noSuchObject } from '../own-object.ts';
import { mustStillHold } from '../use.ts';
import { createWhileHeld } from '../while-held.ts';
import type { SettleBytes } from './settle-bytes.ts';

export interface OverseeUploadsDependencies {
  readonly objects: Objects;
  readonly tokens: Pick<Tokens, 'recheck'>;
  readonly audit: Audited['audit'];
  readonly settleBytes: SettleBytes;
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

/**
 * What the security desk does with uploads. A decision holds at once, for every reader; the bytes follow, here where
 * they can and else with the poller.
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
    /** Out of every reader's sight, with its bytes. @throws {OAuthError} `conflict` unless it is available. */
    quarantineUpload: decideWith(QUARANTINE),
    /**
     * Back to the key it had, also where what it came from was revoked or the virus scanner was mistaken: whoever
     * releases it answers for it. @throws {OAuthError} `conflict` unless it is quarantined.
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
    const at = now();
    const refusal = await objects.advance({
      objectId,
      from,
      to,
      at,
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
    mustBeTaken(refusal, object, from);
    const settled = { ...object, ...((await objects.find(objectId)) ?? { status: to }) };
    await dependencies.settleBytes(settled).catch(dependencies.onError);
    return settled;
  });

const within = async (
  objects: Objects,
  admin: Admin,
  objectId: string,
  event: AuditDraft,
): Promise<ObjectRecord> => {
  const object = await objects.find(objectId);
  mustReach(admin, object?.tenantId, noSuchObject());
  if (!object || object.status === 'deleted') throw noSuchObject();
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
        remedy: 'look at its status again',
      },
    ],
  });
};
