import type { Holder, StepRefusal } from './ledger.ts';
import type { AuditRecord } from './records.ts';

/** How an upload is divided. Every part but the last is of `partSize`. */
export interface PartUpload {
  readonly objectId: string;
  /** What the storage calls it; undefined until it was asked to begin. */
  readonly uploadId: string | undefined;
  /** Bytes. */
  readonly partSize: number;
  readonly parts: number;
}

/** One whose parts are of no use any more: their object is not waited for, or what it came from was revoked. */
export interface AbandonedUpload {
  readonly objectId: string;
  readonly bucketId: string;
  readonly stagingKey: string;
  /** Whether its object still waits for it. */
  readonly isPending: boolean;
}

export interface PartUploads {
  /** Before the storage is asked to begin, so that what it begins is never forgotten. */
  plan(upload: PartUpload, at: Date): Promise<void>;
  /**
   * Once the storage began it. False where nobody waits for it any more: its object came to an end, or what it came from
   * was revoked, meanwhile. Then it is the caller's to abort, as what was to take it back may have looked before it was there.
   */
  name(objectId: string, uploadId: string): Promise<boolean>;
  find(objectId: string): Promise<PartUpload | undefined>;
  /**
   * Further URLs for an object that is still waited for: on record, and its upload is waited for until they end. Or
   * why not.
   */
  extend(extension: Extension): Promise<StepRefusal | undefined>;
  /** Those to be taken back, oldest first. */
  abandoned(limit: number): Promise<readonly AbandonedUpload[]>;
  /** Which of these staging keys no upload in parts is waited for under. */
  unknown(stagingKeys: readonly string[]): Promise<readonly string[]>;
  /** Nothing of it is left with the storage but what became the object. */
  end(objectId: string, at: Date): Promise<void>;
}

export interface Extension {
  readonly objectId: string;
  readonly expiresAt: Date;
  readonly holder: Holder;
  readonly audit: AuditRecord;
}
