import { createHash } from 'node:crypto';
import type { ObjectRecord } from '../../ledger/records.ts';
import { unavailable } from '../../protocol/oauth-error.ts';
import { QUARANTINE_PREFIX } from '../../scope/canonical-path.ts';
import { ObjectNotFound, type ObjectStore } from '../../storage/object-store.ts';

/** Some bytes, under some key. */
export interface Found {
  readonly key: string;
  readonly version: string;
}

/** No grant, listing, URL or lent credential reaches it, and its name cannot be guessed. */
export const quarantineKeyOf = ({ objectId, stagingKey }: ObjectRecord): string =>
  `${QUARANTINE_PREFIX}${objectId}/${stagingKey.slice(stagingKey.lastIndexOf('/') + 1)}`;

/** What lies under the final key: `inspected` where it is provably what was released. */
export const lookHome = async (
  { key, revision }: ObjectRecord,
  store: ObjectStore,
): Promise<(Found & { readonly inspected: boolean }) | undefined> => {
  const found = await store.head(key);
  return found && { key, version: found.version, inspected: found.version === revision };
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
): Promise<string> => {
  const home = await lookHome(object, store);
  if (home?.inspected) return home.version;
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
