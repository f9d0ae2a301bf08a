import { setTimeout as pause } from 'node:timers/promises';
import type { PartUploads } from '../../ledger/part-uploads.ts';
import type { ObjectRecord } from '../../ledger/records.ts';
import { OAuthError, unavailable } from '../../protocol/oauth-error.ts';
import {
  type Multipart,
  multipartOf,
  PartsUnderWay,
  type PresignedPart,
} from '../../storage/multipart.ts';
import { ObjectNotFound, type ObjectStore } from '../../storage/object-store.ts';

/** One part of an upload, and the URL that takes it. */
export interface GrantedPart extends PresignedPart {
  readonly partNumber: number;
  /** Bytes, exact. */
  readonly size: number;
}

export interface Division {
  /** Bytes of every part but the last. */
  readonly partSize: number;
  readonly parts: number;
}

const MIB = 1024 ** 2;
/** Bytes of a part: small enough to be sent again, large enough that a film is not a thousand of them. */
const PART = 16 * MIB;
/** Parts of one upload: so that all their URLs fit into one answer. */
const MOST = 1_000;

/** How a file of `size` bytes is divided: in parts of whole MiB, a thousand at most. */
export const divide = (size: number): Division => {
  const partSize = Math.max(PART, Math.ceil(size / MOST / MIB) * MIB);
  return { partSize, parts: Math.ceil(size / partSize) };
};

/** Bytes of one part. */
const sizeOfPart = (size: number, { partSize }: Division, partNumber: number): number =>
  Math.min(partSize, size - (partNumber - 1) * partSize);

/** @throws {OAuthError} `invalid_request` where the storage takes none. */
export const mustTakeParts = (store: ObjectStore): Multipart => {
  const multipart = multipartOf(store);
  if (multipart) return multipart;
  throw new OAuthError('invalid_request', 'the bucket takes no uploads in parts', {
    violations: [
      {
        field: 'multipart',
        rule: 'not_supported',
        message: `uploads in parts are not for ${store.provider}`,
        remedy: `leave multipart out: one upload takes ${store.largestPut} bytes`,
      },
    ],
  });
};

/** @throws {OAuthError} `invalid_request` where one PUT cannot carry it. */
export const mustFitOnePut = (store: ObjectStore, size: number): void => {
  if (size <= store.largestPut) return;
  throw new OAuthError('invalid_request', 'the file is too large for one upload', {
    violations: [
      {
        field: 'size',
        rule: 'one_put',
        message: `one upload takes at most ${store.largestPut} bytes here`,
        remedy: multipartOf(store)
          ? 'upload in parts, with multipart: true'
          : 'upload a smaller file: the bucket takes no uploads in parts',
      },
    ],
  });
};

/** Signs URLs for these parts. They are on record before this is called (law 1). */
export const signParts = (
  multipart: Multipart,
  { stagingKey, size }: Pick<ObjectRecord, 'stagingKey' | 'size'>,
  upload: Division & { readonly uploadId: string | undefined },
  { numbers, expiresIn }: { readonly numbers: readonly number[]; readonly expiresIn: number },
  now: Date,
): Promise<readonly GrantedPart[]> => {
  const { uploadId } = upload;
  if (uploadId === undefined) throw unavailable('the upload was not begun with the storage');
  return Promise.all(
    numbers.map(async (partNumber) => {
      const part = sizeOfPart(size, upload, partNumber);
      const grant = { key: stagingKey, uploadId, partNumber, size: part, expiresIn };
      return { partNumber, size: part, ...(await multipart.presignPart(grant, now)) };
    }),
  );
};

export const everyPart = ({ parts }: Pick<Division, 'parts'>): readonly number[] =>
  Array.from({ length: parts }, (_, at) => at + 1);

/**
 * Makes one object of the parts, once all are there. Doing it again finds the object.
 *
 * @throws {OAuthError} `conflict` naming the parts that are missing or of another size.
 */
export const assemble = async (
  partUploads: PartUploads,
  store: ObjectStore,
  object: ObjectRecord,
  waits: readonly number[] = WAITS,
): Promise<void> => {
  const upload = await partUploads.find(object.objectId);
  const multipart = multipartOf(store);
  if (!upload?.uploadId || !multipart) return;
  const { uploadId } = upload;
  if (await store.head(object.stagingKey)) return;
  const arrived = await multipart.listParts(object.stagingKey, uploadId);
  if (!arrived) return;
  const fit = arrived.filter(({ partNumber, size }) => isGranted(object, upload, partNumber, size));
  if (fit.length !== upload.parts)
    throw incomplete(upload, new Set(fit.map((one) => one.partNumber)));
  const complete = () => multipart.completeParts(object.stagingKey, uploadId, fit);
  await putTogether(store, object, complete, waits);
};

/** Milliseconds between looks, for as long as another call may take to put a large file together. */
const WAITS = [100, 200, 400, 800, 1_600, 3_200, 6_400];

/** Of several calls at once one makes the object, and all find it: also the one that has waited longest. */
const putTogether = async (
  store: ObjectStore,
  object: ObjectRecord,
  complete: () => Promise<void>,
  waits: readonly number[],
): Promise<void> => {
  for (const wait of waits) {
    if (await isPutTogether(store, object, complete)) return;
    await pause(wait);
  }
  if (await isPutTogether(store, object, complete)) return;
  throw unavailable('another call is still putting the parts together');
};

/** Whether there is nothing left to do; false while another call may be at it. */
const isPutTogether = async (
  store: ObjectStore,
  { stagingKey }: ObjectRecord,
  complete: () => Promise<void>,
): Promise<boolean> => {
  try {
    await complete();
    return true;
  } catch (error) {
    // Made by another call; or by ours, whose answer was lost.
    if (await store.head(stagingKey)) return true;
    // The upload was aborted, or a part replaced since it was listed: whoever asks finds that nothing is there.
    if (error instanceof ObjectNotFound) return true;
    if (!(error instanceof PartsUnderWay)) throw error;
    return false;
  }
};

const isGranted = (
  { size: whole }: ObjectRecord,
  division: Division,
  partNumber: number,
  size: number,
): boolean => partNumber <= division.parts && size === sizeOfPart(whole, division, partNumber);

const incomplete = (division: Division, arrived: ReadonlySet<number>): OAuthError => {
  const missing = everyPart(division).filter((number) => !arrived.has(number));
  const named = missing.slice(0, 20).join(', ');
  return new OAuthError('conflict', 'not all parts have been uploaded', {
    violations: [
      {
        field: 'parts',
        rule: 'parts_missing',
        message: `${missing.length} of ${division.parts} parts are missing: ${named}${missing.length > 20 ? ', …' : ''}`,
        remedy: 'PUT them to their URLs; POST /uploads/{objectId}/parts gives fresh ones',
      },
    ],
  });
};
