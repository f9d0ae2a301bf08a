import type { Objects } from '../ledger/ledger.ts';
import type { ObjectRecord, TokenRecord } from '../ledger/records.ts';
import { OAuthError } from '../protocol/oauth-error.ts';

/** Another's object, one of another tenant and one that never was read alike. */
export const noSuchObject = (): OAuthError =>
  new OAuthError('not_found', 'no such object', {
    violations: [
      {
        field: 'objectId',
        rule: 'unknown_object',
        message: 'there is no such object within reach of this token',
        remedy: 'check the id; an upload is seen by the user and app that asked for it',
      },
    ],
  });

/** As an administrator asks: another tenant's and one that never was read alike. */
export const noSuchUpload = (): OAuthError =>
  new OAuthError('not_found', 'no such upload', {
    violations: [
      {
        field: 'id',
        rule: 'unknown_object',
        message: 'there is no such upload within your reach',
        remedy: 'list the uploads: each is shown with its object_id',
      },
    ],
  });

/** An upload, for the user and app that asked for it. */
export const findOwnUpload = async (
  objects: Objects,
  token: TokenRecord,
  objectId: string,
): Promise<ObjectRecord> => {
  const object = await objects.find(objectId);
  const isOwn =
    object?.tenantId === token.tenantId &&
    object.appId === token.appId &&
    object.userId === token.userId &&
    `bucket:${object.bucketId}` === token.resource;
  if (!object || !isOwn) throw noSuchObject();
  return object;
};
