// biome-ignore-all lint/performance/noBarrelFile: a front door; other rooms know the room by it alone
/**
 * Scope: is this inside that? It knows the grammar of scopes, canonical paths and containment; it
 * does not know who asks, what policy says, or whether a bucket exists.
 *
 * Everything here is pure and linear in its input. A `parse…`, `canonical…` or `safe…` function
 * throws an `OAuthError` with its violations; its `read…` twin returns them, for callers who
 * collect all complaints before they answer.
 */
export { storageAction } from './actions.ts';
export { type Attenuated, type Attenuation, attenuate, detailContains } from './attenuate.ts';
export {
  detailsToScopes,
  parseAuthorizationDetails,
  STORAGE_DETAIL_TYPE,
  scopesToDetails,
} from './authorization-details.ts';
export { canonicalConstraints, readConstraints } from './canonical-constraints.ts';
export {
  canonicalDecodedPrefix,
  canonicalKey,
  canonicalPath,
  canonicalPrefix,
  isUnder,
  MAX_KEY_BYTES,
  objectKey,
  readPrefix,
  STAGING_PREFIX,
} from './canonical-path.ts';
export { contains, narrow } from './constraints.ts';
export { admits, canonicalMediaRanges, readMediaRanges } from './media-range.ts';
export {
  fillPrefix,
  type Placeholder,
  type PlaceholderValues,
  prefixPlaceholders,
} from './prefix-template.ts';
export type { Reading } from './reading.ts';
export {
  bucketLocation,
  bucketOf,
  isBucketId,
  parseResource,
  type Resource,
  readResource,
} from './resource.ts';
export { readFileName, safeFileName } from './safe-file-name.ts';
export { scopeTokens } from './scope-tokens.ts';
export { parseDuration, parseSize, readDuration, readSize } from './size.ts';
export {
  isStorageScope,
  parseStorageScope,
  printStorageScope,
  readStorageScope,
  type StorageScope,
} from './storage-scope.ts';
