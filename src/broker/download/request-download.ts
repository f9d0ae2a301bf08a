import type { Issuances, Objects } from '../../ledger/ledger.ts';
import type { ObjectRecord, TicketRecord, TokenRecord } from '../../ledger/records.ts';
import type { PolicyEngine } from '../../policy/engine.ts';
import type { StorageDetail } from '../../protocol/authorization-details.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import { mintOpaqueToken, tokenDigest } from '../../protocol/opaque-token.ts';
import { canonicalKey, isUnder } from '../../scope/canonical-path.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { type AuditDraft, type Audited, audited } from '../audited.ts';
import { type CurrentConfiguration, underConfiguration } from '../configuration.ts';
import type { RequestContext } from '../context.ts';
import { newTicketId } from '../identifiers.ts';
import { noSuchObject } from '../own-object.ts';
import { signedFor } from '../signed-url.ts';
import {
  authorityLeft,
  holder,
  issuedFrom,
  mustRetry,
  partsWith,
  permit,
  placeOf,
  type Use,
} from '../use.ts';
import { type Pin, pinReleased } from './pin-released.ts';

export interface DownloadRequest {
  readonly objectId: string | undefined;
  readonly resource: string | undefined;
  /** The object's key. */
  readonly path: string | undefined;
  readonly once: boolean;
  readonly delivery: 'proxy' | 'redirect';
  /** Seconds, 60 to 300. */
  readonly ttl: number | undefined;
}

export interface GrantedDownload {
  readonly url: string;
  readonly expiresAt: Date;
  readonly once: boolean;
  readonly guarantee: 'single_use' | 'single_issue' | 'expires';
}

export interface RequestDownloadDependencies {
  readonly configuration: CurrentConfiguration;
  readonly policy: PolicyEngine;
  readonly issuances: Issuances;
  readonly objects: Objects;
  readonly audit: Audited['audit'];
  readonly stores: (bucketId: string) => ObjectStore;
  readonly contentOrigin: () => string;
  readonly now: () => Date;
}

/** Seconds a download lives. */
const TTL = { default: 300, floor: 60, ceiling: 300 };

/** A URL for one object: a ticket that works once, or a presigned URL that works until it expires. */
export const createRequestDownload =
  (dependencies: RequestDownloadDependencies) =>
  (
    token: TokenRecord,
    request: DownloadRequest,
    context: RequestContext,
  ): Promise<GrantedDownload> =>
    audited(dependencies, 'download.request', holder(token, context), [], (event) =>
      underConfiguration(dependencies.configuration, (inForce) => {
        const use = placeOf(token, request.resource, inForce, context, dependencies.now());
        return attempt(dependencies, use, request, event);
      }),
    );

const attempt = async (
  dependencies: RequestDownloadDependencies,
  use: Use,
  request: DownloadRequest,
  event: AuditDraft,
): Promise<GrantedDownload | undefined> => {
  const now = dependencies.now();
  const { object, detail } = await findReadable(dependencies.objects, use, request);
  event.objectId = object.objectId;
  const ttl = lifetime(request.ttl, use.token, now);
  const policies = permit(dependencies.policy, use, {
    action: 'download',
    storageAction: 'read',
    detail,
    object: { key: object.key, size: object.size, contentType: object.contentType },
    ttl,
    now,
  });
  Object.assign(event, { policies, policyDigest: dependencies.policy.digest });
  const pin = await pinned(dependencies, use, object, request);

  const value = request.once ? mintOpaqueToken('dl') : undefined;
  const ticket = toTicket(use.token, object, request, value, ttl, now);
  const refusal = await dependencies.issuances.record({
    ...issuedFrom(use.token, use.inForce),
    ticket,
    audit: {
      ...event,
      at: now,
      action: 'download.request',
      outcome: 'granted',
      scopes: use.token.scopes,
      detail: {
        key: object.key,
        delivery: ticket.delivery,
        // A ticket signs nothing: what it is redeemed for is on record by itself.
        ...(request.once
          ? { expires_at: ticket.expiresAt.toISOString() }
          : signedFor('GET', object.key, ticket.expiresAt)),
      },
    },
  });
  if (mustRetry(refusal)) return undefined;

  const url =
    value === undefined
      ? await presign(dependencies, object, pin, ttl, now)
      : `${dependencies.contentOrigin()}/d/${value}`;
  return { url, expiresAt: ticket.expiresAt, once: request.once, guarantee: guaranteeOf(request) };
};

const guaranteeOf = ({ once, delivery }: DownloadRequest): GrantedDownload['guarantee'] => {
  if (!once) return 'expires';
  return delivery === 'proxy' ? 'single_use' : 'single_issue';
};

/** Before anything is on record: a redirect is signed later, and for what lies there then. */
const pinned = async (
  { stores }: RequestDownloadDependencies,
  { target: { bucket } }: Use,
  object: ObjectRecord,
  { once, delivery }: DownloadRequest,
): Promise<Pin> => {
  if (once && delivery === 'proxy') return {};
  const pin = await pinReleased(stores(bucket.id), bucket, object);
  if (pin === 'replaced') throw noSuchObject();
  if (pin === 'unversioned') throw unversioned(once ? 'delivery' : 'once');
  return pin;
};

const unversioned = (field: string): OAuthError =>
  new OAuthError('invalid_request', 'the storage cannot hold a URL to what was inspected', {
    violations: [
      {
        field,
        rule: 'unversioned_direct_write',
        message:
          'others may write to this bucket directly, and it keeps no versions: a presigned URL could come to read what nobody inspected',
        remedy: 'leave once and delivery out, or have the bucket keep versions',
      },
    ],
  });

const presign = async (
  { stores }: Pick<RequestDownloadDependencies, 'stores'>,
  { bucketId, key, fileName }: ObjectRecord,
  pin: Pin,
  expiresIn: number,
  now: Date,
): Promise<string> => {
  const { url } = await stores(bucketId).presignGet({ key, expiresIn, fileName, ...pin }, now);
  return url;
};

/** An object that is there for everyone the prefix is for, and the part of the token that reaches it. */
const findReadable = async (
  objects: Objects,
  { token, target }: Use,
  { objectId, path }: Pick<DownloadRequest, 'objectId' | 'path'>,
): Promise<{ readonly object: ObjectRecord; readonly detail: StorageDetail }> => {
  const parts = partsWith(token, 'read');
  const object =
    objectId === undefined
      ? await objects.findByKey(target.bucket.id, canonicalKey(path ?? ''))
      : await objects.find(objectId);
  const isHere = object?.bucketId === target.bucket.id && object.status === 'available';
  const detail = parts.find(({ prefix }) => isUnder(prefix ?? '/', `/${object?.key ?? ''}`));
  if (!object || !isHere || !detail) throw noSuchObject();
  return { object, detail };
};

const lifetime = (asked: number | undefined, token: TokenRecord, now: Date): number => {
  const left = authorityLeft(token, now);
  if (left >= TTL.floor) return Math.floor(Math.min(asked ?? TTL.default, left, TTL.ceiling));
  throw new OAuthError('invalid_request', 'the sign-in behind this token is about to end', {
    violations: [
      {
        field: 'Authorization',
        rule: 'authority_ends',
        message: `a download lives at least ${TTL.floor} s, and never longer than the sign-in behind it`,
        remedy: 'sign in again',
      },
    ],
  });
};

const toTicket = (
  token: TokenRecord,
  object: ObjectRecord,
  request: DownloadRequest,
  value: string | undefined,
  ttl: number,
  now: Date,
): TicketRecord => ({
  ticketId: newTicketId(now),
  tokenHash: value === undefined ? undefined : tokenDigest(value),
  delivery: value === undefined ? 'presigned' : request.delivery,
  objectId: object.objectId,
  tenantId: token.tenantId,
  appId: token.appId,
  userId: token.userId,
  deviceId: token.deviceId,
  tokenId: token.tokenId,
  lineage: token.lineage,
  issuedAt: now,
  expiresAt: new Date(now.getTime() + ttl * 1000),
});
