import type { Bucket } from '../../config/deployment.ts';
import type { AuditTrail, Objects, Tickets } from '../../ledger/ledger.ts';
import {
  type AuditRecord,
  type ObjectRecord,
  REDIRECT_TTL,
  type TicketRecord,
} from '../../ledger/records.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import { opaqueKind, tokenDigest } from '../../protocol/opaque-token.ts';
import { ObjectNotFound, type ObjectStore, type OpenObject } from '../../storage/object-store.ts';
import { type AuditDraft, audited } from '../audited.ts';
import type { CurrentConfiguration } from '../configuration.ts';
import type { RequestContext } from '../context.ts';
import { signedFor } from '../signed-url.ts';
import { type Pin, pinReleased } from './pin-released.ts';

export interface RedeemTicketDependencies {
  readonly configuration: CurrentConfiguration;
  readonly tickets: Tickets;
  readonly objects: Objects;
  readonly audit: AuditTrail;
  readonly stores: (bucketId: string) => ObjectStore;
  readonly now: () => Date;
}

export type Redeemed =
  | { readonly delivery: 'proxy'; readonly object: ObjectRecord; readonly open: OpenObject }
  | { readonly delivery: 'redirect'; readonly url: string };

/**
 * Uses a ticket, once and for all: what happens to the transfer afterwards does not bring it back.
 *
 * @throws {OAuthError} `gone` for a ticket that was used, has expired or was revoked, and for one that
 *   never was: whoever holds a URL learns nothing about others.
 */
export const createRedeemTicket =
  ({ configuration, tickets, objects, audit, stores, now }: RedeemTicketDependencies) =>
  async (value: string, context: RequestContext): Promise<Redeemed> => {
    if (opaqueKind(value) !== 'dl') throw gone('not a ticket');
    const hash = tokenDigest(value);
    const at = now();
    const used = await tickets.use(hash, at);
    // Somebody held this URL after its use: that is worth a row, and never worth another answer.
    const ticket = used ?? (await tickets.find(hash).catch(() => undefined));
    if (!ticket) throw gone('unknown');
    const known = bearer(ticket, context);
    return audited({ audit, now }, 'download.redeem', known, [], async (event) => {
      if (!used) throw gone('used, expired or revoked');
      const object = await findAvailable(objects, ticket);
      event.resource = `bucket:${object.bucketId}`;
      const bucket = mustBeConfigured(configuration, object);
      const store = stores(bucket.id);
      const pin = await pinned(store, bucket, object, ticket);
      const life = redirectLife(ticket, at);
      await audit.append({
        ...event,
        at: now(),
        action: 'download.redeem',
        outcome: 'granted',
        ...(pin && { detail: redirected(event, object, life, at) }),
      });
      return pin
        ? redirect(store, object, pin, { at, life })
        : { delivery: 'proxy', object, open: await openAsReleased(store, object) };
    });
  };

const findAvailable = async (
  objects: Objects,
  { objectId }: TicketRecord,
): Promise<ObjectRecord> => {
  const object = await objects.find(objectId);
  if (object?.status === 'available') return object;
  throw gone('the object is no longer available');
};

const mustBeConfigured = (
  configuration: CurrentConfiguration,
  { bucketId }: ObjectRecord,
): Bucket => {
  const bucket = configuration.get().index.bucket(bucketId);
  if (bucket) return bucket;
  throw gone('the bucket is not configured any more');
};

/** A URL is signed for the moment of the use, from which receipts reckon how long it lives. */
const redirect = async (
  store: ObjectStore,
  { key, fileName }: ObjectRecord,
  pin: Pin,
  { at, life }: { readonly at: Date; readonly life: number },
): Promise<Redeemed> => {
  const { url } = await store.presignGet({ key, expiresIn: life, fileName, ...pin }, at);
  return { delivery: 'redirect', url };
};

/** Undefined where nothing is presigned. Whoever holds a ticket learns no more than that it leads nowhere. */
const pinned = async (
  store: ObjectStore,
  bucket: Bucket,
  object: ObjectRecord,
  { delivery }: TicketRecord,
): Promise<Pin | undefined> => {
  if (delivery === 'proxy') return undefined;
  const pin = await pinReleased(store, bucket, object);
  if (pin === 'replaced') throw gone('removed or replaced in the storage itself');
  if (pin === 'unversioned') throw gone('not to be held to what was inspected');
  return pin;
};

/** Seconds that the URL of a redirect lives. */
const redirectLife = ({ expiresAt }: TicketRecord, at: Date): number => {
  const left = Math.floor((expiresAt.getTime() - at.getTime()) / 1000);
  return Math.max(1, Math.min(REDIRECT_TTL, left));
};

const redirected = (
  { detail }: AuditDraft,
  { key }: ObjectRecord,
  life: number,
  at: Date,
): AuditDraft['detail'] => ({
  ...detail,
  ...signedFor('GET', key, new Date(at.getTime() + life * 1000)),
});

/** What was inspected, and nothing that somebody with a hand in the bucket has put there since. */
const openAsReleased = async (
  store: ObjectStore,
  { key, revision }: ObjectRecord,
): Promise<OpenObject> => {
  try {
    return await store.open(key, revision === undefined ? {} : { version: revision });
  } catch (error) {
    if (error instanceof ObjectNotFound) throw gone('removed or replaced in the storage itself');
    throw error;
  }
};

/** What is known of whoever holds a ticket: for whom it was made. */
const bearer = (ticket: TicketRecord, context: RequestContext): Partial<AuditRecord> => ({
  tenantId: ticket.tenantId,
  tokenId: ticket.tokenId,
  userId: ticket.userId,
  appId: ticket.appId,
  deviceId: ticket.deviceId,
  objectId: ticket.objectId,
  ip: context.ip,
  traceId: context.traceId,
  requestId: context.requestId,
  detail: { ticket_id: ticket.ticketId, delivery: ticket.delivery },
});

const gone = (detail: string): OAuthError =>
  new OAuthError('gone', 'this download has been used or has expired: request another', { detail });
