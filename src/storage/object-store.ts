import type { Readable } from 'node:stream';

/**
 * Storage: which URL opens one object, one way, for a short while? It answers and moves objects; it
 * does not know who asks, what policy said, or whether the bytes are what they claim to be.
 *
 * Whatever the cloud refuses to do for reasons of its own (down, slow, credentials rejected) is thrown
 * as `temporarily_unavailable`; a grant that may not be signed at all is thrown as `invalid_request`.
 */
export interface ObjectStore {
  readonly provider: 's3' | 'azure' | 'gcs' | 'local';

  /** Bytes that one PUT takes at most. */
  readonly largestPut: number;

  /**
   * Who would hold an upload to each part of its grant, known before anything is signed. What is left to the
   * broker is the broker's to check, or nobody's.
   */
  enforcement(grant: EnforceableGrant): readonly Enforcement[];

  /**
   * The URL writes `grant.key`, once, and nothing else. Signed here, without a network call, wherever the
   * signing key is at hand; where the cloud keeps it to itself, the cloud is asked.
   */
  presignPut(grant: PutGrant, now: Date): PresignedUpload | Promise<PresignedUpload>;

  /** The URL reads `grant.key`, always as an attachment. Signed as above. */
  presignGet(grant: GetGrant, now: Date): PresignedDownload | Promise<PresignedDownload>;

  /** Undefined when the object is not there. */
  head(key: string): Promise<StoredObject | undefined>;

  /**
   * Streams an object, or a part of it. The caller consumes or destroys `body`.
   *
   * @throws ObjectNotFound when it is not there, or is no longer the `version` that was asked for; RangeError when
   *   `range` starts past its end.
   */
  open(key: string, wanted?: WantedPart): Promise<OpenObject>;

  /**
   * Copies exactly `version` of `from` inside the store, and makes `to` an attachment of `contentType`.
   * Doing it again leaves the same object.
   *
   * @throws ObjectNotFound when `from` is gone or is no longer that version; `to` is then not to be trusted.
   */
  copy(from: string, to: string, version: string, contentType: string): Promise<void>;

  /**
   * Deleting what is not there is success. Deleting an uploaded object before its URL has expired lets
   * that URL write again: keep the object until then.
   */
  delete(key: string): Promise<void>;

  /**
   * What lies below a prefix, a page at a time and in no order that all stores share: for sweeping, not for readers.
   * A page may be empty and yet not the last.
   *
   * @param cursor of the page before; what it means is the store's own.
   */
  list(prefix: string, cursor?: string): Promise<ListedPage>;
}

export interface ListedPage {
  readonly items: readonly ListedObject[];
  /** Absent of the last page. */
  readonly cursor?: string;
}

export interface ListedObject {
  readonly key: string;
  /** By the store's clock. */
  readonly storedAt: Date;
}

export interface PutGrant {
  /** Canonical and without a first slash; at most 1,024 bytes of UTF-8. */
  readonly key: string;
  /** Bytes, exact. */
  readonly size: number;
  /** Sent byte for byte by the client. */
  readonly contentType: string;
  /** 64 lower-case hex digits. */
  readonly sha256?: string;
  /** Seconds, 1 to 900. */
  readonly expiresIn: number;
  /** A UUID for the provider's own log, where it can carry one: it leads from there to our audit trail. */
  readonly correlationId?: string;
}

/** The part of a grant that decides who can enforce it. */
export type EnforceableGrant = Pick<PutGrant, 'size' | 'contentType' | 'sha256'>;

/** An upload whose size is known as a range only: a form, not a PUT. */
export interface PostGrant {
  readonly key: string;
  /** Bytes, inclusive. */
  readonly minSize: number;
  readonly maxSize: number;
  readonly contentType: string;
  /** Seconds, 1 to 900. */
  readonly expiresIn: number;
}

export interface GetGrant {
  readonly key: string;
  /** Seconds, 1 to 900. */
  readonly expiresIn: number;
  /** What the client saves it as: `A-Za-z0-9._-`, at most 128 bytes. */
  readonly fileName: string;
  /** Instead of the type the object was stored with. */
  readonly contentType?: string;
  /** These bytes, whatever lies under the key by then: `StoredObject.immutable`, of a store that has told it. */
  readonly immutable?: string;
}

/** What a grant promises about an upload. */
export type Constraint =
  | 'size'
  | 'content_type'
  | 'sha256'
  | 'single_object'
  | 'no_overwrite'
  | 'expiry';

/** Who refuses: the storage at upload time, or the broker when it inspects what has arrived. */
export interface Enforcement {
  readonly constraint: Constraint;
  readonly by: 'storage' | 'broker';
}

export interface PresignedUpload {
  readonly url: string;
  readonly method: 'PUT' | 'POST';
  /** Lower case; to be sent as they are. Never `host` or `content-length`: the HTTP stack sends those. */
  readonly headers: Readonly<Record<string, string>>;
  /** Of a POST: the form's fields, before its `file`. */
  readonly fields?: Readonly<Record<string, string>>;
  readonly enforcement: readonly Enforcement[];
}

export interface PresignedDownload {
  readonly url: string;
}

export interface StoredObject {
  /** Bytes. */
  readonly size: number;
  /** Names these bytes under this key, opaquely: the ETag in S3, the SHA-256 in the local store. */
  readonly version: string;
  readonly contentType: string;
  /**
   * Names these bytes for ever: the version id in S3, the generation in Cloud Storage. Absent where there is no such
   * name, as in a bucket on S3 that keeps no versions; Azure has none where directories can be lent.
   */
  readonly immutable?: string;
}

/** All of whatever is there, where nothing more is said. */
export interface WantedPart {
  readonly range?: ByteRange;
  /** As `StoredObject.version` names it. */
  readonly version?: string;
}

/** Both ends inclusive, from 0; an `end` past the object's end is its end. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

export interface OpenObject {
  readonly body: Readable;
  /** Bytes in `body`. */
  readonly size: number;
}

/** The object, or the version of it that was asked for, is not there. */
export class ObjectNotFound extends Error {
  override readonly name = 'ObjectNotFound';
  readonly key: string;

  constructor(key: string) {
    super('the object is not there');
    this.key = key;
  }
}
