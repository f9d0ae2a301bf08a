import { randomBytes } from 'node:crypto';
import type { TokenRecord } from '../../ledger/records.ts';
import type { StorageDetail } from '../../protocol/authorization-details.ts';
import { OAuthError, type Violation } from '../../protocol/oauth-error.ts';
import { canonicalPath, objectKey, STAGING_PREFIX } from '../../scope/canonical-path.ts';
import { admits } from '../../scope/media-range.ts';
import { safeFileName } from '../../scope/safe-file-name.ts';
import { newObjectId } from '../identifiers.ts';
import { partsWith } from '../use.ts';

/** Where an upload goes, first and finally. Both keys are decided here, once, and signed as they are. */
export interface Placement {
  readonly objectId: string;
  readonly detail: StorageDetail;
  /** Which no grant, listing or temporary credential covers. */
  readonly stagingKey: string;
  readonly key: string;
  readonly fileName: string;
  readonly contentType: string;
}

interface Described {
  readonly filename: string;
  readonly size: number;
  readonly contentType: string;
  readonly path: string | undefined;
}

/**
 * @throws {OAuthError} `invalid_request` for a name or path that is not canonical, `invalid_scope` for a
 *   size or type beyond what the token holds.
 */
export const placeObject = (token: TokenRecord, request: Described, now: Date): Placement => {
  const fileName = safeFileName(request.filename);
  const contentType = request.contentType.toLowerCase();
  const detail = roomFor(partsWith(token, 'write'), request.size, contentType);
  const objectId = newObjectId(now);
  const path = request.path === undefined ? undefined : canonicalPath(request.path);
  return {
    objectId,
    detail,
    stagingKey: `${STAGING_PREFIX}${objectId}/${randomBytes(16).toString('hex')}`,
    key: objectKey({
      prefix: detail.prefix ?? '/',
      ...(path === undefined ? {} : { path }),
      objectId,
      fileName,
    }),
    fileName,
    contentType,
  };
};

/** The first part of the token that has room; else what the first part lacks. */
const roomFor = (
  parts: readonly StorageDetail[],
  size: number,
  contentType: string,
): StorageDetail => {
  const complaints = parts.map((part) => lacks(part, size, contentType));
  const fit = complaints.findIndex((violations) => violations.length === 0);
  const part = parts[fit];
  if (part) return part;
  throw new OAuthError('invalid_scope', 'the upload is beyond what the token holds', {
    violations: complaints[0] ?? [],
  });
};

const lacks = (
  { max_size, content_types }: StorageDetail,
  size: number,
  contentType: string,
): Violation[] => {
  const violations: Violation[] = [];
  if (max_size !== undefined && size > max_size) {
    violations.push({
      field: 'size',
      rule: 'max_size',
      message: `the token allows at most ${max_size} bytes`,
      remedy: 'upload a smaller file, or exchange for a token with a larger max_size',
    });
  }
  if (content_types !== undefined && !admits(content_types, contentType)) {
    violations.push({
      field: 'contentType',
      rule: 'content_types',
      message: `the token allows ${content_types.join(', ')}`,
      remedy: 'upload a file of such a type, or exchange for a token that allows this one',
    });
  }
  return violations;
};
