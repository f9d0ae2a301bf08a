import type { Issuances, Quotas } from '../../ledger/ledger.ts';
import type { NewObject, ObjectRecord, TokenRecord } from '../../ledger/records.ts';
import type { PolicyEngine } from '../../policy/engine.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import type { ObjectStore, PresignedUpload } from '../../storage/object-store.ts';
import { type AuditDraft, type Audited, audited } from '../audited.ts';
import { type CurrentConfiguration, type InForce, underConfiguration } from '../configuration.ts';
import type { RequestContext } from '../context.ts';
import { takeUpload } from '../limits.ts';
import { authorityLeft, holder, issuedFrom, mustRetry, permit, placeOf, type Use } from '../use.ts';
import { enforceable, planEnforcement } from './enforcement-plan.ts';
import { type Placement, placeObject } from './place-object.ts';

export interface UploadRequest {
  readonly filename: string;
  /** Bytes. */
  readonly size: number;
  readonly contentType: string;
  /** 64 hex digits. */
  readonly sha256: string | undefined;
  readonly resource: string | undefined;
  /** A folder below the prefix. */
  readonly path: string | undefined;
  /** Seconds, 120 to 900. */
  readonly ttl: number | undefined;
}

export interface GrantedUpload {
  readonly upload: PresignedUpload;
  readonly objectId: string;
  readonly expiresAt: Date;
}

export interface RequestUploadDependencies {
  readonly configuration: CurrentConfiguration;
  readonly policy: PolicyEngine;
  readonly issuances: Issuances;
  readonly quotas: Quotas;
  readonly audit: Audited['audit'];
  readonly stores: (bucketId: string) => ObjectStore;
  readonly now: () => Date;
}

/** Seconds a presigned upload lives. */
const TTL = { default: 300, floor: 120, ceiling: 900 };

/** One presigned URL, for one object, of one size and type, under a key nobody can read. */
export const createRequestUpload =
  (dependencies: RequestUploadDependencies) =>
  (token: TokenRecord, request: UploadRequest, context: RequestContext): Promise<GrantedUpload> =>
    audited(dependencies, 'upload.request', holder(token, context), [], (event) =>
      underConfiguration(dependencies.configuration, (inForce) => {
        const use = placeOf(token, request.resource, inForce, context, dependencies.now());
        return attempt(dependencies, use, request, event);
      }),
    );

/** Undefined where the configuration changed meanwhile and all must be decided again. */
const attempt = async (
  dependencies: RequestUploadDependencies,
  use: Use,
  request: UploadRequest,
  event: AuditDraft,
): Promise<GrantedUpload | undefined> => {
  const now = dependencies.now();
  const placement = placeObject(use.token, request, now);
  const ttl = lifetime(request.ttl, use.token, now);
  const store = dependencies.stores(use.target.bucket.id);
  const plan = planEnforcement(
    store.enforcement(enforceable(request, placement.contentType)),
    use.target.bucket.validate,
  );
  const policies = permit(dependencies.policy, use, {
    action: 'upload',
    storageAction: 'write',
    detail: placement.detail,
    object: { key: placement.key, size: request.size, contentType: placement.contentType },
    ttl,
    now,
    checkedAfterwards: plan.checkedAfterwards,
    unenforceable: plan.unenforceable,
  });
  Object.assign(event, {
    objectId: placement.objectId,
    policies,
    policyDigest: dependencies.policy.digest,
  });

  const { quotas } = dependencies;
  const { reserved, refund } = await takeUpload(
    quotas,
    use.app,
    use.token.userId,
    request.size,
    now,
  );
  const object = { ...toRecord(use, placement, request, ttl, now), reserved };
  const refusal = await record(dependencies, object, use.inForce, use.token, event).catch(
    async (error: unknown) => {
      await refund().catch(() => undefined);
      throw error;
    },
  );
  if (refusal !== undefined) await refund();
  if (mustRetry(refusal)) return undefined;

  // Signed only now: no URL exists without its record (law 1).
  const upload = await store.presignPut(
    {
      key: object.stagingKey,
      size: object.size,
      contentType: object.contentType,
      ...(object.sha256 === undefined ? {} : { sha256: object.sha256 }),
      expiresIn: ttl,
      // The audit trail has it, too.
      ...(event.requestId === undefined ? {} : { correlationId: event.requestId }),
    },
    now,
  );
  return {
    upload: { ...upload, enforcement: plan.enforcement },
    objectId: object.objectId,
    expiresAt: object.uploadExpiresAt,
  };
};

const lifetime = (asked: number | undefined, token: TokenRecord, now: Date): number => {
  const left = authorityLeft(token, now);
  if (left < TTL.floor) {
    throw new OAuthError('invalid_request', 'the sign-in behind this token is about to end', {
      violations: [
        {
          field: 'Authorization',
          rule: 'authority_ends',
          message: `an upload lives at least ${TTL.floor} s, and never longer than the sign-in behind it`,
          remedy: 'sign in again',
        },
      ],
    });
  }
  return Math.floor(Math.min(asked ?? TTL.default, left, TTL.ceiling));
};

const toRecord = (
  { token, target }: Use,
  placement: Placement,
  request: UploadRequest,
  ttl: number,
  now: Date,
): ObjectRecord => ({
  objectId: placement.objectId,
  tenantId: token.tenantId,
  bucketId: target.bucket.id,
  appId: token.appId,
  userId: token.userId,
  tokenId: token.tokenId,
  lineage: token.lineage,
  stagingKey: placement.stagingKey,
  key: placement.key,
  fileName: placement.fileName,
  contentType: placement.contentType,
  size: request.size,
  sha256: request.sha256?.toLowerCase(),
  status: 'pending',
  reason: undefined,
  revision: undefined,
  createdAt: now,
  uploadExpiresAt: new Date(now.getTime() + ttl * 1000),
});

const record = (
  { issuances }: RequestUploadDependencies,
  object: NewObject,
  inForce: InForce,
  token: TokenRecord,
  event: AuditDraft,
) =>
  issuances.record({
    ...issuedFrom(token, inForce),
    object,
    audit: {
      ...event,
      at: object.createdAt,
      action: 'upload.request',
      outcome: 'granted',
      scopes: token.scopes,
      detail: {
        key: object.key,
        size: object.size,
        content_type: object.contentType,
        expires_at: object.uploadExpiresAt.toISOString(),
      },
    },
  });
