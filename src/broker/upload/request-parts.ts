import type { Objects } from '../../ledger/ledger.ts';
import type { PartUpload, PartUploads } from '../../ledger/part-uploads.ts';
import type { ObjectRecord, TokenRecord } from '../../ledger/records.ts';
import type { PolicyEngine } from '../../policy/engine.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import { isUnder } from '../../scope/canonical-path.ts';
import type { ArrivedPart } from '../../storage/multipart.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { type AuditDraft, type Audited, audited } from '../audited.ts';
import { type CurrentConfiguration, underConfiguration } from '../configuration.ts';
import type { RequestContext } from '../context.ts';
import { findOwnUpload, noSuchObject } from '../own-object.ts';
import { signedFor } from '../signed-url.ts';
import { heldBy, holder, mustRetry, partsWith, permit, placeOf, type Use } from '../use.ts';
import { uploadLifetime } from './lifetime.ts';
import { everyPart, type GrantedPart, mustTakeParts, signParts } from './parts.ts';

export interface PartsRequest {
  /** Absent: those that have not arrived. */
  readonly partNumbers: readonly number[] | undefined;
  /** Seconds, 120 to 900. */
  readonly ttl: number | undefined;
}

export interface GrantedParts {
  readonly objectId: string;
  readonly partSize: number;
  readonly parts: readonly GrantedPart[];
  readonly arrived: readonly ArrivedPart[];
  readonly expiresAt: Date;
}

export interface RequestPartsDependencies {
  readonly configuration: CurrentConfiguration;
  readonly policy: PolicyEngine;
  readonly objects: Objects;
  readonly partUploads: PartUploads;
  readonly audit: Audited['audit'];
  readonly stores: (bucketId: string) => ObjectStore;
  readonly now: () => Date;
}

/** Fresh URLs for parts of an upload that is under way: to go on where a connection broke, or time ran out. */
export const createRequestParts =
  (dependencies: RequestPartsDependencies) =>
  (
    token: TokenRecord,
    objectId: string,
    request: PartsRequest,
    context: RequestContext,
  ): Promise<GrantedParts> =>
    audited(dependencies, 'upload.parts', holder(token, context), [], (event) =>
      underConfiguration(dependencies.configuration, (inForce) => {
        const use = placeOf(token, undefined, inForce, context, dependencies.now());
        return attempt(dependencies, use, objectId, request, event);
      }),
    );

const attempt = async (
  { objects, partUploads, policy, stores, now: clock }: RequestPartsDependencies,
  use: Use,
  objectId: string,
  request: PartsRequest,
  event: AuditDraft,
): Promise<GrantedParts | undefined> => {
  const now = clock();
  const { token } = use;
  const object = await findOwnUpload(objects, token, objectId);
  event.objectId = object.objectId;
  const upload = await partUploads.find(objectId);
  if (object.status !== 'pending' || upload?.uploadId === undefined) throw notUnderWay(object);
  const { expiresIn, policies } = permitted(policy, use, object, request, now);
  Object.assign(event, { policies, policyDigest: policy.digest });

  const multipart = mustTakeParts(stores(object.bucketId));
  const arrived = await multipart.listParts(object.stagingKey, upload.uploadId);
  if (!arrived) throw notUnderWay(object);
  const numbers = numbersOf(request, upload, arrived);
  const expiresAt = new Date(now.getTime() + expiresIn * 1000);
  const refusal = await partUploads.extend({
    objectId,
    expiresAt,
    holder: heldBy(token),
    audit: {
      ...event,
      at: now,
      action: 'upload.parts',
      outcome: 'granted',
      scopes: token.scopes,
      detail: {
        key: object.key,
        parts: numbers,
        ...signedFor('PUT', object.stagingKey, expiresAt),
      },
    },
  });
  if (refusal === 'moved_on') throw notUnderWay(object);
  if (mustRetry(refusal)) return undefined;
  const parts = await signParts(multipart, object, upload, { numbers, expiresIn }, now);
  return { objectId, partSize: upload.partSize, parts, arrived, expiresAt };
};

const permitted = (
  policy: PolicyEngine,
  use: Use,
  { key, size, contentType }: ObjectRecord,
  request: PartsRequest,
  now: Date,
) => {
  const detail = partsWith(use.token, 'write').find((part) =>
    isUnder(part.prefix ?? '/', `/${key}`),
  );
  if (!detail) throw noSuchObject();
  const expiresIn = uploadLifetime(request.ttl, use.token, now);
  const policies = permit(policy, use, {
    action: 'upload',
    storageAction: 'write',
    detail,
    object: { key, size, contentType },
    ttl: expiresIn,
    now,
  });
  return { expiresIn, policies };
};

const numbersOf = (
  { partNumbers }: PartsRequest,
  upload: PartUpload,
  arrived: readonly ArrivedPart[],
): readonly number[] => {
  if (partNumbers === undefined) {
    const there = new Set(arrived.map(({ partNumber }) => partNumber));
    return everyPart(upload).filter((number) => !there.has(number));
  }
  if (partNumbers.every((number) => number <= upload.parts)) return [...new Set(partNumbers)];
  throw new OAuthError('invalid_request', 'the upload has no such part', {
    violations: [
      {
        field: 'partNumbers',
        rule: 'unknown_part',
        message: `the upload has ${upload.parts} parts`,
        remedy: `name parts from 1 to ${upload.parts}`,
      },
    ],
  });
};

const notUnderWay = ({ status }: ObjectRecord): OAuthError =>
  new OAuthError('conflict', 'no upload in parts is under way', {
    violations: [
      {
        field: 'objectId',
        rule: 'not_under_way',
        message: `the upload is ${status}, or was not asked for in parts`,
        remedy: 'request another upload with multipart: true',
      },
    ],
  });
