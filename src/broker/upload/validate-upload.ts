import type { Clean, Inspector, Refused, Undecided } from '../../inspection/inspector.ts';
import type { Objects } from '../../ledger/ledger.ts';
import type { ObjectRecord } from '../../ledger/records.ts';
import { ObjectNotFound, type ObjectStore, type StoredObject } from '../../storage/object-store.ts';
import type { CurrentConfiguration } from '../configuration.ts';
import { askedOf } from './asked.ts';
import { auditOf } from './audit-of.ts';
import { changedMeanwhile, passed, reasonOf, refusedFor, waitingFor } from './findings.ts';

export interface ValidateUploadDependencies {
  readonly configuration: CurrentConfiguration;
  readonly objects: Objects;
  readonly stores: (bucketId: string) => ObjectStore;
  readonly inspect: Inspector['inspect'];
  readonly now: () => Date;
}

export type Validation = 'available' | 'rejected' | 'quarantined' | 'waiting' | 'lost';

/**
 * Takes a leased object from staging to where it can be read, or not at all.
 *
 * Every step may be repeated: a crash between two leaves the object `validating`, and whoever leases it next begins
 * again with the same bytes. An inspection that could not be done is tried again, later each time; it never passes.
 *
 * @throws whatever kept it from being done, once that it waits is written down.
 */
export const createValidateUpload =
  (dependencies: ValidateUploadDependencies) =>
  async (object: ObjectRecord): Promise<Validation> => {
    try {
      return await validate(dependencies, object);
    } catch (error) {
      const { check, cause } =
        error instanceof Waits ? error : ({ check: 'inspection', cause: error } as const);
      await postpone(dependencies, object, check).catch(() => undefined); // its lease ends in any case
      throw cause;
    }
  };

/** The inspection says itself what it waits for. */
class Waits extends Error {
  readonly check: Undecided['waitsFor'];

  constructor({ waitsFor, cause }: Undecided) {
    super(`the inspection waits for ${waitsFor}`, { cause });
    this.check = waitsFor;
  }
}

const validate = async (
  dependencies: ValidateUploadDependencies,
  object: ObjectRecord,
): Promise<Validation> => {
  const store = dependencies.stores(object.bucketId);

  // 1. The bytes as they lie there now. Whatever happens to the key later, this version is meant.
  const stored = await store.head(object.stagingKey);
  if (!stored) return backToPending(dependencies, object);

  // 2. Are they what was declared, and nothing else besides?
  const bucket = dependencies.configuration.get().index.bucket(object.bucketId);
  const asked = askedOf(bucket, object);
  const { body } = await store.open(object.stagingKey, { version: stored.version });
  const verdict = await dependencies.inspect({ body, declared: declarationOf(object), asked });
  if (verdict.ok === undefined) throw new Waits(verdict);
  if (!verdict.ok) return withhold(dependencies, object, verdict);

  // 3. To the final key, which no one can read by listing until step 4.
  const copied = await copyExactly(store, object, stored.version, verdict.contentType);
  if (!copied) return withhold(dependencies, object, changedMeanwhile);

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
  verdict: Clean,
  revision: string,
): Promise<Validation> => {
  const at = dependencies.now();
  const { size, sha256, contentType } = verdict;
  const found = { size, sha256, contentType };
  const report = passed(verdict, at);
  const step = { objectId: object.objectId, from: ['validating'], at, report } as const;
  const withheld = await dependencies.objects.advance({
    ...step,
    to: 'available',
    found: { ...found, revision },
    audit: auditOf(object, at, 'upload.available', { size, sha256 }),
  });
  if (withheld === undefined) return 'available';
  const lost = await dependencies.objects.advance({
    ...step,
    to: 'quarantined',
    found,
    reason: 'revoked',
    audit: { ...auditOf(object, at, 'upload.quarantined'), reason: 'revoked' },
  });
  if (lost === undefined) return 'quarantined';
  await takeBack(dependencies, object);
  return 'lost';
};

/** Another came first. Where it found otherwise, what was copied must not stay where readers look. */
const takeBack = async (
  { objects, stores }: ValidateUploadDependencies,
  { objectId, bucketId, key }: ObjectRecord,
): Promise<void> => {
  const status = (await objects.find(objectId))?.status;
  if (status !== 'available' && status !== 'validating') await stores(bucketId).delete(key);
};

/** A lie is rejected. What the virus scanner knows is kept for the security desk, and nobody else decides on it. */
const withhold = async (
  { objects, now }: ValidateUploadDependencies,
  object: ObjectRecord,
  refused: Refused,
): Promise<Validation> => {
  const to = refused.reason === 'malware' ? 'quarantined' : 'rejected';
  const reason = reasonOf(refused);
  const at = now();
  const refusal = await objects.advance({
    objectId: object.objectId,
    from: ['validating'],
    to,
    at,
    reason,
    ...(refused.found && { found: { ...refused.found, contentType: object.contentType } }),
    report: refusedFor(refused, at),
    audit: {
      ...auditOf(object, at, `upload.${to}`, { violations: refused.violations.slice(0, 3) }),
      reason: `${refused.reason}: ${reason}`,
    },
  });
  return refusal === undefined ? to : 'lost';
};

/** Milliseconds, doubled with each attempt. */
const BACKOFF = { first: 1_000, most: 60_000 };

const postpone = async (
  { objects, now }: ValidateUploadDependencies,
  { objectId, attempts = 0 }: ObjectRecord,
  check: Parameters<typeof waitingFor>[0],
): Promise<void> => {
  const wait = Math.min(BACKOFF.most, BACKOFF.first * 2 ** Math.min(attempts, 10));
  await objects.postpone(objectId, new Date(now().getTime() + wait), waitingFor(check, now()));
};

/** The bytes are not there after all: whoever said so was wrong, or they have gone. */
const backToPending = async (
  { objects, now }: ValidateUploadDependencies,
  object: ObjectRecord,
): Promise<Validation> => {
  const refusal = await objects.advance({
    objectId: object.objectId,
    from: ['validating'],
    to: 'pending',
    at: now(),
    audit: auditOf(object, now(), 'upload.pending'),
  });
  return refusal === undefined ? 'waiting' : 'lost';
};

const declarationOf = ({ size, contentType, sha256 }: ObjectRecord) => ({
  size,
  contentType,
  ...(sha256 === undefined ? {} : { sha256 }),
});
