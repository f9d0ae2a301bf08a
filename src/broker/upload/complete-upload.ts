import type { Objects, Tokens } from '../../ledger/ledger.ts';
import type { PartUploads } from '../../ledger/part-uploads.ts';
import type { ObjectRecord, TokenRecord } from '../../ledger/records.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { type AuditDraft, type Audited, audited } from '../audited.ts';
import { type CurrentConfiguration, underConfiguration } from '../configuration.ts';
import type { RequestContext } from '../context.ts';
import { findOwnUpload } from '../own-object.ts';
import {
  heldBy,
  holder,
  issuedFrom,
  mustRetry,
  mustStillHold,
  partsWith,
  placeOf,
  type Use,
} from '../use.ts';
import { assemble } from './parts.ts';

export interface CompleteUploadDependencies {
  readonly configuration: CurrentConfiguration;
  readonly objects: Objects;
  readonly partUploads: PartUploads;
  readonly audit: Audited['audit'];
  readonly stores: (bucketId: string) => ObjectStore;
  /** Wakes the validator; the poller would find the object anyway. */
  readonly wake: () => void;
  readonly now: () => Date;
}

/** The uploader says that the bytes are there. Saying it again changes nothing. */
export const createCompleteUpload =
  (dependencies: CompleteUploadDependencies) =>
  (token: TokenRecord, objectId: string, context: RequestContext): Promise<ObjectRecord> =>
    audited(dependencies, 'upload.complete', holder(token, context), [], (event) =>
      underConfiguration(dependencies.configuration, (inForce) => {
        const use = placeOf(token, undefined, inForce, context, dependencies.now());
        return markUploaded(dependencies, use, objectId, event);
      }),
    );

const markUploaded = async (
  { objects, partUploads, stores, wake, now }: CompleteUploadDependencies,
  { token, inForce }: Use,
  objectId: string,
  event: AuditDraft,
): Promise<ObjectRecord | undefined> => {
  partsWith(token, 'write');
  const object = await findOwnUpload(objects, token, objectId);
  event.objectId = object.objectId;
  if (object.status !== 'pending') return object;

  // Its word is a wake-up only: the storage says whether anything is there.
  const store = stores(object.bucketId);
  await assemble(partUploads, store, object);
  if (!(await store.head(object.stagingKey))) {
    // Inspected and put apart by now, it has left staging.
    const settled = await objects.find(objectId);
    if (settled && settled.status !== 'pending') return settled;
    throw nothingThere();
  }
  const refusal = await objects.advance({
    objectId: object.objectId,
    from: ['pending'],
    to: 'uploaded',
    at: now(),
    holder: issuedFrom(token, inForce),
    audit: { ...event, at: now(), action: 'upload.complete', outcome: 'granted' },
  });
  // Where it has moved on, it was found without our word.
  if (refusal !== 'moved_on' && mustRetry(refusal)) return undefined;
  wake();
  return { ...object, status: 'uploaded' };
};

const nothingThere = (): OAuthError =>
  new OAuthError('conflict', 'nothing has been uploaded yet', {
    violations: [
      {
        field: 'objectId',
        rule: 'not_uploaded',
        message: 'the storage has no object under the upload URL',
        remedy: 'PUT the file to uploadUrl first, with the headers that came with it',
      },
    ],
  });

export interface UploadStatusDependencies
  extends Pick<CompleteUploadDependencies, 'configuration' | 'objects' | 'now'> {
  readonly tokens: Pick<Tokens, 'recheck'>;
}

/** What became of an upload, for a token that still holds when it is read. */
export const createUploadStatus =
  ({ configuration, objects, tokens, now }: UploadStatusDependencies) =>
  (token: TokenRecord, objectId: string, context: RequestContext): Promise<ObjectRecord> =>
    underConfiguration(configuration, async (inForce) => {
      placeOf(token, undefined, inForce, context, now());
      const object = await findOwnUpload(objects, token, objectId);
      mustStillHold(await tokens.recheck(heldBy(token)));
      return object;
    });
