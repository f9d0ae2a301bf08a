import { createHash } from 'node:crypto';
import type { AuditTrail } from '../../ledger/ledger.ts';
import type { ObjectRecord } from '../../ledger/records.ts';
import { unavailable } from '../../protocol/oauth-error.ts';
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

/** What was inspected, where it lies under the final key. What else lies there is told. */
export const lookHome = async (
  object: ObjectRecord,
  store: ObjectStore,
  onReplaced: OnReplaced,
): Promise<Found | undefined> => {
  const { key, revision } = object;
  const found = await store.head(key);
  if (!found) return undefined;
  const home = { key, version: found.version };
  if (home.version === revision) return home;
  if (revision !== undefined && (await isForeign(object, home, store)))
    await onReplaced(object, home.version);
  return undefined;
};

/** A copy of ours whose place never came on record has another name, and the same bytes. */
const isForeign = async (
  { sha256 }: ObjectRecord,
  home: Found,
  store: ObjectStore,
): Promise<boolean> => {
  try {
    return (await digestOf(store, home)) !== sha256;
  } catch (error) {
    if (error instanceof ObjectNotFound) return true; // changed again while it was read
    throw error;
  }
};

/**
 * The uploaded bytes in staging. Once released they are on record, and staging is believed only where it still holds
 * the same: a URL may outlive the inspection, and not every server refuses to write twice.
 */
export const lookInStaging = async (
  { stagingKey: key, revision, sha256 }: ObjectRecord,
  store: ObjectStore,
): Promise<Found | undefined> => {
  const found = await store.head(key);
  if (!found) return undefined;
  const staged = { key, version: found.version };
  return revision === undefined || (await digestOf(store, staged)) === sha256 ? staged : undefined;
};

/**
 * Has the inspected bytes under the final key, in place of whatever lies there: somebody may hold credentials of the
 * cloud for it. Only the version on record passes for them without a copy.
 *
 * @returns their revision.
 * @throws {OAuthError} `temporarily_unavailable` where they are nowhere, or not what was copied.
 */
export const bringInspectedHome = async (
  object: ObjectRecord,
  store: ObjectStore,
  onReplaced: OnReplaced,
): Promise<string> => {
  const home = await lookHome(object, store, onReplaced);
  if (home) return home.version;
  const apart = quarantineKeyOf(object);
  const kept = await store.head(apart);
  const source = kept ? { key: apart, version: kept.version } : await lookInStaging(object, store);
  if (!source) throw unavailable(`the bytes of ${object.objectId} are nowhere`);
  try {
    await store.copy(source.key, object.key, source.version, object.contentType);
    return await provenCopy(object, source, store);
  } catch (error) {
    if (!(error instanceof ObjectNotFound)) throw error;
    throw unavailable(`the bytes of ${object.objectId} changed while they were copied`, error);
  }
};

/** Where a copy has a name of its own, only the bytes themselves prove that nobody wrote after us. */
const provenCopy = async (
  { key, objectId }: ObjectRecord,
  source: Found,
  store: ObjectStore,
): Promise<string> => {
  const copied = await store.head(key);
  if (!copied) throw new ObjectNotFound(key);
  const { version } = copied;
  if (version === source.version) return version;
  if ((await digestOf(store, { key, version })) === (await digestOf(store, source))) return version;
  throw unavailable(`something else lies where ${objectId} was copied to`);
};

/** SHA-256, in hex. */
const digestOf = async (store: ObjectStore, { key, version }: Found): Promise<string> => {
  const { body } = await store.open(key, { version });
  const hash = createHash('sha256');
  for await (const chunk of body) hash.update(chunk as Buffer);
  return hash.digest('hex');
};
