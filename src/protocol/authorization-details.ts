/** What may be done in storage. */
export const STORAGE_ACTIONS = ['read', 'write', 'list', 'delete'] as const;
export type StorageAction = (typeof STORAGE_ACTIONS)[number];

/** Limits on what a credential reaches. An absent member is no limit of that kind. */
export interface Constraints {
  /** Canonical: starts and ends with `/`. */
  readonly prefix?: string;
  /** Bytes, inclusive. */
  readonly max_size?: number;
  /** Media ranges such as `image/*`, lower case, sorted, without duplicates. */
  readonly content_types?: readonly string[];
}

/** The structured twin of the storage scopes (RFC 9396 §2). */
export interface StorageDetail extends Constraints {
  readonly type: 'daypass_storage';
  /** Exactly one `bucket:<id>`. */
  readonly locations: readonly [string];
  readonly actions: readonly StorageAction[];
}
