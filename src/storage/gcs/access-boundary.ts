import type { StorageAction } from '../../protocol/authorization-details.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import type { CredentialsGrant } from '../cloud-credentials.ts';

/** A rule of a Credential Access Boundary: at most these permissions there, where the condition holds. */
export interface BoundaryRule {
  readonly availableResource: string;
  readonly availablePermissions: readonly string[];
  readonly availabilityCondition: { readonly expression: string };
}

/** The narrowest role of Google's that has what the action needs: a boundary takes roles only. */
const ROLES: Readonly<Partial<Record<StorageAction, string>>> = {
  read: 'roles/storage.legacyObjectReader',
  // Creates and never replaces: that takes storage.objects.delete.
  write: 'roles/storage.objectCreator',
  list: 'roles/storage.legacyBucketReader',
};

/** What would end the text in the condition. */
const QUOTE = /['\\]/;

/**
 * @throws {OAuthError} `invalid_request` for an action that no role of Google's has by itself, and for a prefix that
 *   the condition could not hold.
 */
export const accessBoundary = (
  { actions, prefix }: Pick<CredentialsGrant, 'actions' | 'prefix'>,
  bucket: string,
): readonly BoundaryRule[] => {
  if (QUOTE.test(prefix))
    throw refuse('prefix', 'prefix_quote', 'the prefix holds a quote', 'use a folder without it');
  return actions.map((action) => {
    const role = ROLES[action];
    if (role === undefined) {
      throw refuse(
        'actions',
        'no_such_role',
        `Google has no role that may ${action} and nothing else`,
        'leave it out, and use DELETE /objects/{objectId}',
      );
    }
    return {
      availableResource: `//storage.googleapis.com/projects/_/buckets/${bucket}`,
      availablePermissions: [`inRole:${role}`],
      availabilityCondition: { expression: below(action, prefix, bucket) },
    };
  });
};

const below = (action: StorageAction, prefix: string, bucket: string): string =>
  action === 'list'
    ? `api.getAttribute('storage.googleapis.com/objectListPrefix', '').startsWith('${prefix}')`
    : `resource.name.startsWith('projects/_/buckets/${bucket}/objects/${prefix}')`;

const refuse = (field: string, rule: string, message: string, remedy: string): OAuthError =>
  new OAuthError('invalid_request', 'storage does not lend credentials for this', {
    violations: [{ field, rule, message, remedy }],
  });
