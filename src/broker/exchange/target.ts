import type { App, Bucket, Grant, ResourceServer } from '../../config/deployment.ts';
import type { Resource as PolicyResource } from '../../policy/engine.ts';
import type { StorageAction, StorageDetail } from '../../protocol/authorization-details.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import { fillPrefix } from '../../scope/prefix-template.ts';
import { bucketOf, parseResource } from '../../scope/resource.ts';
import type { InForce } from '../configuration.ts';
import type { Authority } from './authority.ts';

/** Where a credential will be good: one place, of the app's own tenant. */
export type Target =
  | { readonly kind: 'bucket'; readonly id: string; readonly bucket: Bucket }
  | { readonly kind: 'api'; readonly id: string; readonly server: ResourceServer }
  | { readonly kind: 'admin'; readonly id: string }
  /** Who signed in (OpenID Connect Core §5.3). */
  | { readonly kind: 'sign-in'; readonly id: string };

/** A resource that does not exist, another tenant's and one without a grant read alike. */
export const notGranted = (detail: string): OAuthError =>
  new OAuthError('invalid_target', 'the app has no grant for this resource', {
    detail,
    violations: [
      {
        field: 'resource',
        rule: 'not_granted',
        message: 'no grant of this app names the resource',
        remedy: 'ask the platform team for a grant, or name a resource the app has one for',
      },
    ],
  });

/**
 * One target per token: a token for two services is a token either can misuse.
 *
 * A resource of another tenant and one that does not exist read alike.
 */
export const findTarget = (
  text: string,
  authority: Authority,
  { index }: InForce,
  issuer: string,
): Target => {
  if (text === `${issuer}/admin`) return { kind: 'admin', id: text };
  if (text === userinfoOf(issuer)) return { kind: 'sign-in', id: text };
  const resource = parseResource(text);
  if (resource.kind === 'bucket') {
    const bucket = index.bucket(resource.id);
    if (!bucket || bucket.tenant !== authority.tenantId) throw notGranted(`bucket ${resource.id}`);
    return { kind: 'bucket', id: text, bucket };
  }
  const server = index.resourceServer(resource.uri);
  if (!server || server.tenant !== authority.tenantId) throw notGranted('resource server');
  return { kind: 'api', id: text, server };
};

/** Whether a resource is one of ours, by name; it says nothing of who may have it. */
export const isRegistered = (
  text: string | undefined,
  { index }: InForce,
  issuer: string,
): boolean => {
  if (text === undefined) return false;
  const bucketId = bucketOf(text);
  if (bucketId !== undefined) return index.bucket(bucketId) !== undefined;
  const own = [`${issuer}/admin`, userinfoOf(issuer)];
  return own.includes(text) || index.resourceServer(text) !== undefined;
};

/** What a token is for that an app got for nothing but `openid`. */
export const userinfoOf = (issuer: string): string => `${issuer}/userinfo`;

/** The app's grants for a target, as they stand now. */
export const grantsFor = (app: App, target: Target): readonly Grant[] => {
  const grants = app.grants.filter(({ resource }) => resource === target.id);
  if (grants.length === 0) throw notGranted(`no grant of ${app.id}`);
  return grants;
};

/** A bucket grant with its prefix filled in for this app and user. */
export const toDetail = (grant: Grant, app: App, userId: string | undefined): StorageDetail => ({
  type: 'daypass_storage',
  locations: [grant.resource],
  actions: grant.actions as readonly StorageAction[],
  ...(grant.prefix === undefined
    ? {}
    : { prefix: fillPrefix(grant.prefix, { app_id: app.id, user_id: userId }) }),
  ...(grant.max_size === undefined ? {} : { max_size: grant.max_size }),
  ...(grant.content_types === undefined ? {} : { content_types: grant.content_types }),
});

/** A target as policy sees it. */
export const policyResource = (
  target: Target,
  tenantId: string,
  { index }: InForce,
): PolicyResource => {
  const residency = index.tenant(tenantId)?.residency;
  const tenant = {
    tenant: tenantId,
    ...(residency === undefined ? {} : { tenantResidency: residency }),
  };
  if (target.kind === 'sign-in') return { id: target.id, kind: 'api', ...tenant };
  if (target.kind !== 'bucket') return { id: target.id, kind: target.kind, ...tenant };
  const { bucket } = target;
  return {
    id: target.id,
    kind: 'bucket',
    ...tenant,
    classification: bucket.classification,
    retentionLocked: bucket.retention.locked,
    ...(bucket.residency === undefined ? {} : { residency: bucket.residency }),
  };
};
