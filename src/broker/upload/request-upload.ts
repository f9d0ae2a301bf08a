import type { Issuances, Quotas } from '../../ledger/ledger.ts';
import type { PartUploads } from '../../ledger/part-uploads.ts';
import type { NewObject, ObjectRecord, TokenRecord } from '../../ledger/records.ts';
import type { PolicyEngine } from '../../policy/engine.ts';
import { unproven } from '../../protocol/oauth-error.ts';
import type { Enforcement, ObjectStore, PresignedUpload } from '../../storage/object-store.ts';
import { type AuditDraft, type Audited, audited } from '../audited.ts';
import { type CurrentConfiguration, underConfiguration } from '../configuration.ts';
import type { RequestContext } from '../context.ts';
import { takeUpload } from '../limits.ts';
import { signedFor } from '../signed-url.ts';
import { holder, issuedFrom, mustRetry, permit, placeOf, type Use } from '../use.ts';
import { ARRIVAL_MS } from './arrival.ts';
import { enforceable, planEnforcement } from './enforcement-plan.ts';
import { uploadLifetime } from './lifetime.ts';
import {
  divide,
  everyPart,
  type GrantedPart,
  mustFitOnePut,
  mustTakeParts,
  signParts,
} from './parts.ts';
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
  /** In parts, each with a URL of its own. */
  readonly multipart: boolean;
}

export interface GrantedUpload {
  readonly upload: PresignedUpload | InParts;
  readonly objectId: string;
  readonly expiresAt: Date;
}

/** In place of the one URL. */
export interface InParts {
  readonly partSize: number;
  readonly parts: readonly GrantedPart[];
  readonly enforcement: readonly Enforcement[];
}

export interface RequestUploadDependencies {
  readonly configuration: CurrentConfiguration;
  readonly policy: PolicyEngine;
  readonly issuances: Issuances;
  readonly quotas: Quotas;
  readonly partUploads: PartUploads;
  readonly audit: Audited['audit'];
  readonly stores: (bucketId: string) => ObjectStore;
  readonly now: () => Date;
}

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
  const store = dependencies.stores(use.target.bucket.id);
  if (request.multipart) mustTakeParts(store);
  else mustFitOnePut(store, request.size);
  const placement = placeObject(use.token, request, now);
  const ttl = uploadLifetime(request.ttl, use.token, now);
  const claims = store.enforcement(enforceable(request, placement.contentType));
  const plan = planEnforcement(
    request.multipart ? ofParts(claims) : claims,
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

  const recorded = toRecord(use, placement, request, ttl, now);
  const object = { ...recorded, reserved: await takeFor(dependencies, use, recorded, now) };
  const inParts = request.multipart ? { parts: divide(request.size).parts } : {};
  // Where this fails, the row may yet come: what the upload took is held until it is certain what came of it.
  const refusal = await record(dependencies, object, use, inParts, event);
  if (refusal !== undefined) await dependencies.quotas.forgo(object.objectId);
  if (mustRetry(refusal)) return undefined;

  // Signed only now: no URL exists without its record (law 1).
  const upload = request.multipart
    ? await beginParts(dependencies, object, ttl, now)
    : await presign(dependencies, object, event.requestId, ttl, now);
  return {
    upload: { ...upload, enforcement: plan.enforcement },
    objectId: object.objectId,
    expiresAt: object.uploadExpiresAt,
  };
};

/** Until a moment after its URL has died an upload that was begun in time may still arrive. */
const takeFor = (
  { quotas }: RequestUploadDependencies,
  { app, target, token, inForce }: Use,
  { objectId, size, uploadExpiresAt }: ObjectRecord,
  now: Date,
) =>
  takeUpload(
    quotas,
    {
      app,
      tenant: inForce.index.tenant(token.tenantId),
      bucket: target.bucket,
      userId: token.userId,
    },
    { objectId, size, arrivesBy: new Date(uploadExpiresAt.getTime() + ARRIVAL_MS) },
    now,
  );

const presign = async (
  { stores }: RequestUploadDependencies,
  { bucketId, stagingKey, size, contentType, sha256 }: NewObject,
  correlationId: string | undefined,
  expiresIn: number,
  now: Date,
): Promise<PresignedUpload> =>
  stores(bucketId).presignPut(
    {
      key: stagingKey,
      size,
      contentType,
      ...(sha256 === undefined ? {} : { sha256 }),
      expiresIn,
      // The audit trail has it, too.
      ...(correlationId === undefined ? {} : { correlationId }),
    },
    now,
  );

/** The upload is on record before the storage begins it, so that whatever it begins can be taken back. */
const beginParts = async (
  { stores, partUploads }: RequestUploadDependencies,
  object: NewObject,
  expiresIn: number,
  now: Date,
): Promise<Omit<InParts, 'enforcement'>> => {
  const { objectId, stagingKey, contentType, size } = object;
  const multipart = mustTakeParts(stores(object.bucketId));
  const division = divide(size);
  await partUploads.plan({ objectId, uploadId: undefined, ...division }, now);
  const uploadId = await multipart.beginParts({ key: stagingKey, contentType });
  if (!(await partUploads.name(objectId, uploadId))) {
    await multipart.abortParts(stagingKey);
    throw unproven('revoked while the storage began the upload');
  }
  const wanted = { numbers: everyPart(division), expiresIn };
  return {
    partSize: division.partSize,
    parts: await signParts(multipart, object, { ...division, uploadId }, wanted, now),
  };
};

/** The storage holds each part to its size; that they are all there, and their sum, is ours to check. */
const ofParts = (whole: readonly Enforcement[]): readonly Enforcement[] =>
  whole.map(({ constraint, by }) => ({
    constraint,
    by: CHECKED_WHOLE.has(constraint) ? 'broker' : by,
  }));

const CHECKED_WHOLE: ReadonlySet<Enforcement['constraint']> = new Set([
  'size',
  'sha256',
  'no_overwrite',
]);

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
  { token, inForce }: Use,
  inParts: { readonly parts?: number },
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
        ...signedFor('PUT', object.stagingKey, object.uploadExpiresAt),
        ...inParts,
      },
    },
  });
