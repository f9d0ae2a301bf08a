import type { inspect, Verdict } from '../../inspection/inspector.ts';
import type { Objects } from '../../ledger/ledger.ts';
import type { AuditRecord, ObjectRecord } from '../../ledger/records.ts';
import { ObjectNotFound, type ObjectStore, type StoredObject } from '../../storage/object-store.ts';
import type { CurrentConfiguration } from '../configuration.ts';

export interface ValidateUploadDependencies {
  readonly configuration: CurrentConfiguration;
  readonly objects: Objects;
  readonly stores: (bucketId: string) => ObjectStore;
  readonly inspect: typeof inspect;
  readonly now: () => Date;
}

export type Validation = 'available' | 'rejected' | 'quarantined' | 'waiting' | 'lost';

/**
 * Takes a leased object from staging to where it can be read, or not at all.
 *
 * Every step may be repeated: a crash between two leaves the object `validating`, and whoever leases it
 * next begins again with the same bytes.
 */
export const createValidateUpload =
  (dependencies: ValidateUploadDependencies) =>
  async (object: ObjectRecord): Promise<Validation> => {
    const store = dependencies.stores(object.bucketId);

    // 1. The bytes as they lie there now. Whatever happens to the key later, this version is meant.
    const stored = await store.head(object.stagingKey);
    if (!stored) return (await settleAs(dependencies, object, 'pending')) ? 'waiting' : 'lost';
    if (mustWait(dependencies, object)) return 'waiting';

    // 2. Are they what was declared?
    const { body } = await store.open(object.stagingKey);
    const verdict = await dependencies.inspect({
      body,
      declared: declarationOf(object),
      sniff: mustSniff(dependencies, object),
    });
    if (!verdict.ok) return reject(dependencies, object, verdict);

    // 3. To the final key, which no one can read by listing until step 4.
    const copied = await copyExactly(store, object, stored.version, verdict.contentType);
    if (!copied) return reject(dependencies, object, changedMeanwhile);

    // 4. Visible, unless what it came from was revoked while it waited.
    return release(dependencies, object, verdict, copied.version);
  };

/** Undefined where the staging key no longer holds the version that was inspected. */
const copyExactly = async (
  store: ObjectStore,
  { stagingKey, key }: ObjectRecord,
  version: string,
  contentType: string,
): Promise<StoredObject | undefined> => {
  try {
    await store.copy(stagingKey, key, version, contentType);
    return await store.head(key);
  } catch (error) {
    if (error instanceof ObjectNotFound) return undefined;
    throw error;
  }
};

const release = async (
  dependencies: ValidateUploadDependencies,
  object: ObjectRecord,
  { size, sha256, contentType }: Extract<Verdict, { ok: true }>,
  revision: string,
): Promise<Validation> => {
  const at = dependencies.now();
  const withheld = await dependencies.objects.advance({
    objectId: object.objectId,
    from: ['validating'],
    to: 'available',
    at,
    found: { size, sha256, contentType, revision },
    audit: auditOf(object, at, 'upload.available', { size, sha256 }),
  });
  if (withheld === undefined) return 'available';
  return (await settleAs(dependencies, object, 'quarantined', 'revoked')) ? 'quarantined' : 'lost';
};

/**
 * A bucket that asks for a check this release does not have keeps its objects waiting: an inspection
 * that did not happen never passes.
 */
const mustWait = ({ configuration }: ValidateUploadDependencies, object: ObjectRecord): boolean => {
  const validate = configuration.get().index.bucket(object.bucketId)?.validate;
  return validate?.antivirus !== undefined || validate?.schema !== undefined;
};

/** Leans closed: of a bucket that is gone from the configuration the bytes are still looked at. */
const mustSniff = ({ configuration }: ValidateUploadDependencies, object: ObjectRecord): boolean =>
  configuration.get().index.bucket(object.bucketId)?.validate.sniff !== false;

const declarationOf = ({ size, contentType, sha256 }: ObjectRecord) => ({
  size,
  contentType,
  ...(sha256 === undefined ? {} : { sha256 }),
});

const changedMeanwhile: Extract<Verdict, { ok: false }> = {
  ok: false,
  reason: 'checksum_mismatch',
  violations: [
    {
      field: 'uploadUrl',
      rule: 'changed_meanwhile',
      message: 'the object changed while it was inspected',
      remedy: 'request another upload, and use its URL once',
    },
  ],
};

const reject = async (
  dependencies: ValidateUploadDependencies,
  object: ObjectRecord,
  verdict: Extract<Verdict, { ok: false }>,
): Promise<Validation> => {
  const reason = verdict.violations.map(({ message }) => message).join('; ') || verdict.reason;
  const refusal = await dependencies.objects.advance({
    objectId: object.objectId,
    from: ['validating'],
    to: 'rejected',
    at: dependencies.now(),
    reason,
    audit: {
      ...auditOf(object, dependencies.now(), 'upload.rejected', { violations: verdict.violations }),
      reason: `${verdict.reason}: ${reason}`,
    },
  });
  return refusal === undefined ? 'rejected' : 'lost';
};

/** Whether the step was taken. */
const settleAs = async (
  { objects, now }: ValidateUploadDependencies,
  object: ObjectRecord,
  to: 'pending' | 'quarantined',
  reason?: string,
): Promise<boolean> => {
  const refusal = await objects.advance({
    objectId: object.objectId,
    from: ['validating'],
    to,
    at: now(),
    ...(reason === undefined ? {} : { reason }),
    audit: { ...auditOf(object, now(), `upload.${to}`), reason },
  });
  return refusal === undefined;
};

/** The steps that withhold something; the others are how an upload gets there, or does not come. */
const WITHHELD = ['upload.rejected', 'upload.quarantined'];

/** Steps of the life cycle are recorded for whoever asked for the upload. */
export const auditOf = (
  object: ObjectRecord,
  at: Date,
  action: string,
  detail: Readonly<Record<string, unknown>> = {},
): AuditRecord => ({
  at,
  action,
  outcome: WITHHELD.includes(action) ? 'denied' : 'granted',
  tenantId: object.tenantId,
  tokenId: object.tokenId,
  userId: object.userId,
  appId: object.appId,
  objectId: object.objectId,
  resource: `bucket:${object.bucketId}`,
  detail: { key: object.key, ...detail },
});
