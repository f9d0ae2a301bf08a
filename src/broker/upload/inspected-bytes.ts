import { createHash } from 'node:crypto';
import type { AuditTrail } from '../../ledger/ledger.ts';
import type { ObjectRecord } from '../../ledger/records.ts';
import { OAuthError, unavailable } from '../../protocol/oauth-error.ts';
import { QUARANTINE_PREFIX } from '../../scope/canonical-path.ts';
import { ObjectNotFound, type ObjectStore } from '../../storage/object-store.ts';
import { auditOf } from './audit-of.ts';

/** Some bytes, under some key. */
export interface Found {
  readonly key: string;
  readonly version: string;
}

/** No grant, listing, URL or lent credential reaches it, and its name cannot be guessed. */
export const quarantineKeyOf = ({ objectId, stagingKey }: ObjectRecord): string =>
  `${QUARANTINE_PREFIX}${objectId}/${stagingKey.slice(stagingKey.lastIndexOf('/') + 1)}`;

/** Hears of what lies under the final key in place of what was inspected, before it is taken away. */
export type OnReplaced = (object: ObjectRecord, version: string) => Promise<unknown>;

/** On record, each time. */
export const createOnReplaced =
  ({ audit, now }: ReplacedDependencies): OnReplaced =>
  (object, found) => {
    const detail = { expected: object.revision, found };
    return audit.append(auditOf(object, now(), 'upload.replaced', detail));
  };

interface ReplacedDependencies {
  readonly audit: Pick<AuditTrail, 'append'>;
  readonly now: () => Date;
}

/** Whether they are on record as inspected, and nobody wrote them there since; else they are the same bytes. */
export interface FoundHome extends Found {
  readonly isOnRecord: boolean;
}

/** What was inspected, where it lies under the final key. What else lies there is told. */
export const lookHome = async (
  object: ObjectRecord,
  store: ObjectStore,
  onReplaced: OnReplaced,
): Promise<FoundHome | undefined> => {
  const { key, revision } = object;
  const found = await store.head(key);
  if (!found) return undefined;
  const home = { key, version: found.version };
  if (home.version === revision) return { ...home, isOnRecord: true };
  // A copy of ours whose place never came on record has another name, and the same bytes.
  if (await areInspected(object, home, store)) return { ...home, isOnRecord: false };
  if (revision !== undefined || object.status === 'quarantined')
    await onReplaced(object, home.version);
  return undefined;
};

/**
 * The uploaded bytes in staging, which is believed only where it still holds what was inspected: a URL may outlive the
 * inspection, and not every server refuses to write twice. What is rejected may never have been read to its end, so
 * nothing tells it from what came after; it is kept as evidence, and nobody can release it.
 */
export const lookInStaging = async (
  object: ObjectRecord,
  store: ObjectStore,
): Promise<Found | undefined> => {
  const { stagingKey: key, status } = object;
  const found = await store.head(key);
  if (!found) return undefined;
  const staged = { key, version: found.version };
  return status === 'rejected' || (await areInspected(object, staged, store)) ? staged : undefined;
};

/** Keeps it where nothing is read from. @throws ObjectNotFound where it changed meanwhile. */
export const keepApart = async (
  object: ObjectRecord,
  { key, version }: Found,
  store: ObjectStore,
): Promise<Found | undefined> => {
  const apart = quarantineKeyOf(object);
  await store.copy(key, apart, version, OPAQUE);
  return lookApart(object, store);
};

const lookApart = async (object: ObjectRecord, store: ObjectStore): Promise<Found | undefined> => {
  const key = quarantineKeyOf(object);
  const kept = await store.head(key);
  return kept && { key, version: kept.version };
};

/** It is nobody's to render. */
const OPAQUE = 'application/octet-stream';

/**
 * Has the inspected bytes under the final key, in place of whatever lies there: somebody may hold credentials of the
 * cloud for it. Only the version on record passes for them without a copy, and a copy only by its digest.
 *
 * @returns their revision.
 * @throws {OAuthError} `conflict` where they are nowhere any more; `temporarily_unavailable` where something else lies
 *   where they were copied to.
 */
export const bringInspectedHome = async (
  object: ObjectRecord,
  store: ObjectStore,
  onReplaced: OnReplaced,
): Promise<string> => {
  const home = await lookHome(object, store, onReplaced);
  if (home?.isOnRecord) return home.version;
  try {
    const source =
      (await lookApart(object, store)) ??
      (await lookInStaging(object, store)) ??
      (home && (await keepApart(object, home, store)));
    if (!source) throw nowhere();
    await store.copy(source.key, object.key, source.version, object.contentType);
    return await provenCopy(object, source, store);
  } catch (error) {
    if (!(error instanceof ObjectNotFound)) throw error;
    throw unavailable(`the bytes of ${object.objectId} changed while they were copied`, error);
  }
};

/** No name of a version proves them here: some are MD5, and some servers copy what they find. The bytes do. */
const provenCopy = async (
  object: ObjectRecord,
  source: Found,
  store: ObjectStore,
): Promise<string> => {
  const { key, objectId } = object;
  const copied = await store.head(key);
  if (!copied) throw new ObjectNotFound(key);
  const { version } = copied;
  if (await areInspected(object, { key, version }, store)) return version;
  if (!(await areInspected(object, source, store))) throw nowhere();
  throw unavailable(`something else lies where ${objectId} was copied to`);
};

const nowhere = (): OAuthError =>
  new OAuthError('conflict', 'what was inspected is nowhere any more', {
    violations: [
      {
        field: 'id',
        rule: 'inspected_bytes_gone',
        message: 'other bytes than those that were inspected are all that is left of the upload',
        remedy: 'delete it, and have the file uploaded again: only what was inspected is released',
      },
    ],
  });

/** By the SHA-256 that inspection put on record; nothing is, where there is none, or where it changes meanwhile. */
const areInspected = async (
  { sha256 }: ObjectRecord,
  found: Found,
  store: ObjectStore,
): Promise<boolean> => {
  if (sha256 === undefined) return false;
  try {
    return (await digestOf(store, found)) === sha256;
  } catch (error) {
    if (error instanceof ObjectNotFound) return false;
    throw unavailable(`${found.key} cannot be read`, error);
  }
};

/** SHA-256, in hex. */
const digestOf = async (store: ObjectStore, { key, version }: Found): Promise<string> => {
  const { body } = await store.open(key, { version });
  const hash = createHash('sha256');
  for await (const chunk of body) hash.update(chunk as Buffer);
  return hash.digest('hex');
};
