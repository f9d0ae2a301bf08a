import type { AuditTrail, Objects, Tickets } from '../../ledger/ledger.ts';
import type { ObjectRecord } from '../../ledger/records.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import { opaqueKind, tokenDigest } from '../../protocol/opaque-token.ts';
import type { ObjectStore, OpenObject } from '../../storage/object-store.ts';
import type { RequestContext } from '../context.ts';

export interface RedeemTicketDependencies {
  readonly tickets: Tickets;
  readonly objects: Objects;
  readonly audit: AuditTrail;
  readonly stores: (bucketId: string) => ObjectStore;
  readonly now: () => Date;
}

export type Redeemed =
  | { readonly delivery: 'proxy'; readonly object: ObjectRecord; readonly open: OpenObject }
  | { readonly delivery: 'redirect'; readonly url: string };

/** Seconds a redirected download has to begin. */
const REDIRECT_TTL = 60;

/**
 * Uses a ticket, once and for all: what happens to the transfer afterwards does not bring it back.
 *
 * @throws {OAuthError} `gone` for a ticket that was used, has expired or was revoked, and for one that
 *   never was: whoever holds a URL learns nothing about others.
 */
export const createRedeemTicket =
  ({ tickets, objects, audit, stores, now }: RedeemTicketDependencies) =>
  async (value: string, context: RequestContext): Promise<Redeemed> => {
    if (opaqueKind(value) !== 'dl') throw gone('not a ticket');
    const ticket = await tickets.use(tokenDigest(value), now());
    if (!ticket) throw gone('used, expired, revoked or unknown');
    const object = await objects.find(ticket.objectId);
    if (object?.status !== 'available') throw gone('the object is no longer available');

    await audit.append({
      at: now(),
      action: 'download.redeem',
      outcome: 'granted',
      tenantId: ticket.tenantId,
      tokenId: ticket.tokenId,
      userId: ticket.userId,
      appId: ticket.appId,
      deviceId: ticket.deviceId,
      objectId: ticket.objectId,
      resource: `bucket:${object.bucketId}`,
      ip: context.ip,
      traceId: context.traceId,
      requestId: context.requestId,
      detail: { ticket_id: ticket.ticketId, delivery: ticket.delivery },
    });
    const store = stores(object.bucketId);
    if (ticket.delivery === 'proxy') {
      return { delivery: 'proxy', object, open: await store.open(object.key) };
    }
    const left = Math.floor((ticket.expiresAt.getTime() - now().getTime()) / 1000);
    const expiresIn = Math.max(1, Math.min(REDIRECT_TTL, left));
    const { url } = store.presignGet(
      { key: object.key, expiresIn, fileName: object.fileName },
      now(),
    );
    return { delivery: 'redirect', url };
  };

const gone = (detail: string): OAuthError =>
  new OAuthError('gone', 'this download has been used or has expired: request another', { detail });
