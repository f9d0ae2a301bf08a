import type { ObjectStore, PutGrant } from './object-store.ts';

/**
 * Uploads in parts, for files that are too large for one PUT, or for the connection they come over. Each part is
 * a URL of its own; nothing is there to be read, or to be inspected, until the broker puts them together.
 */
export interface Multipart {
  /** Opens an upload of one object of this type. What it is given names it to the other three. */
  beginParts(grant: Pick<PutGrant, 'key' | 'contentType'>): Promise<string>;
  /** The URL writes one part, of one size. Until the parts are put together it may be written again. */
  presignPart(grant: PartGrant, now: Date): PresignedPart | Promise<PresignedPart>;
  /** The parts that have arrived, by number; undefined where there is no such upload any more. */
  listParts(key: string, uploadId: string): Promise<readonly ArrivedPart[] | undefined>;
  /**
   * Makes one object of exactly these parts.
   *
   * @throws ObjectNotFound where the upload is gone, or a part is no longer the one that was listed;
   *   PartsUnderWay where another call is doing this just now.
   */
  completeParts(key: string, uploadId: string, parts: readonly ArrivedPart[]): Promise<void>;
  /** Ends every upload under a key and frees what has arrived. That there is none is success. */
  abortParts(key: string): Promise<void>;
  /** Keys below a prefix with an upload that was begun before a moment and has not ended; the first in their order. */
  unendedParts(prefix: string, before: Date): Promise<readonly string[]>;
}

/** Another call is putting the parts together. */
export class PartsUnderWay extends Error {
  override readonly name = 'PartsUnderWay';
}

export interface PartGrant {
  readonly key: string;
  readonly uploadId: string;
  /** From 1 to 10,000. */
  readonly partNumber: number;
  /** Bytes, exact. */
  readonly size: number;
  /** Seconds, 1 to 900. */
  readonly expiresIn: number;
}

export interface PresignedPart {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface ArrivedPart {
  readonly partNumber: number;
  /** Bytes. */
  readonly size: number;
  /** Names these bytes, opaquely. */
  readonly version: string;
}

/** The part of a store that takes uploads in parts; undefined where it takes none. */
export const multipartOf = (store: ObjectStore & Partial<Multipart>): Multipart | undefined => {
  const { beginParts, presignPart, listParts, completeParts, abortParts, unendedParts } = store;
  if (!beginParts || !presignPart || !listParts || !completeParts || !abortParts || !unendedParts)
    return undefined;
  return { beginParts, presignPart, listParts, completeParts, abortParts, unendedParts };
};
