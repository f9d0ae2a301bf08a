import type { Tickets } from '../ledger.ts';
import type { LockTarget, TicketRecord } from '../records.ts';
import type { Database } from './client.ts';
import { promptly } from './failure.ts';
import { known } from './rows.ts';

interface TicketRow {
  ticket_id: string;
  delivery: TicketRecord['delivery'];
  object_id: string;
  tenant_id: string;
  app_id: string;
  user_id: string | null;
  device_id: string | null;
  token_id: string;
  lineage: LockTarget[];
  issued_at: Date;
  expires_at: Date;
}

export const createTickets = (database: Database): Tickets => ({
  use: (hash, at) =>
    promptly(async () => {
      const [row] = await database.$queryRaw<TicketRow[]>`
        SELECT * FROM use_ticket_1(${hash}, ${at}::timestamptz)`;
      return row && fromRow(row, hash);
    }),

  find: (hash) =>
    promptly(async () => {
      const [row] = await database.$queryRaw<TicketRow[]>`
        SELECT * FROM ticket WHERE token_hash = ${hash}`;
      return row && fromRow(row, hash);
    }),
});

const fromRow = (row: TicketRow, hash: Buffer): TicketRecord => ({
  ticketId: row.ticket_id,
  tokenHash: hash,
  delivery: row.delivery,
  objectId: row.object_id,
  tenantId: row.tenant_id,
  appId: row.app_id,
  userId: known(row.user_id),
  deviceId: known(row.device_id),
  tokenId: row.token_id,
  lineage: row.lineage,
  issuedAt: row.issued_at,
  expiresAt: row.expires_at,
});
