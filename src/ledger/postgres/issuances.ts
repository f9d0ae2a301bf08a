import { unavailable } from '../../protocol/oauth-error.ts';
import { createGroupCommit } from '../group-commit.ts';
import type { Issuance, IssuanceRefusal, Issuances } from '../ledger.ts';
import type { Database } from './client.ts';
import { isDataFault, orUnavailable, PATIENCE, tooLate } from './failure.ts';
import { auditToRow, objectToRow, ticketToRow, tokenToRow } from './rows.ts';

/** Issuances through `record_issuance_1`: the function's comment in `prisma/migrations` says how. */
export const createIssuances = (database: Database): Issuances => {
  const record = createGroupCommit<Issuance, IssuanceRefusal | undefined>({
    write: async (issuances) => {
      const batch = JSON.stringify(issuances.map(toElement));
      const rows = await database.$queryRaw<{ place: number; refusal: IssuanceRefusal | null }[]>`
        SELECT place, refusal FROM record_issuance_1(${batch}::jsonb)`;
      const answers: (IssuanceRefusal | undefined)[] = [];
      for (const { place, refusal } of rows) answers[place] = refusal ?? undefined;
      return answers;
    },
    isItemsFault: isDataFault,
    maxItems: 64,
    maxInFlight: 2,
    maxWaiting: 2_000,
    overload: () => unavailable('issuance queue is full'),
    patience: PATIENCE,
    late: tooLate,
  });
  return {
    record: (issuance) => orUnavailable(() => record(issuance)),
  };
};

const toElement = (issuance: Issuance, position: number): object => ({
  position,
  configuration: issuance.configuration,
  keys: issuance.keys,
  authorities: issuance.authorities,
  proofs: issuance.proofs.map(({ kind, id, keepUntil }) => ({ kind, id, keep_until: keepUntil })),
  sign_in: issuance.signIn && {
    token_hash: issuance.signIn.tokenHash,
    thumbprint: issuance.signIn.thumbprint,
    expires_at: issuance.signIn.expiresAt,
  },
  person: issuance.person && {
    user_id: issuance.person.userId,
    issuer: issuance.person.issuer,
    subject: issuance.person.subject,
    issuer_id: issuance.person.issuerId,
    tenant_id: issuance.person.tenantId,
    first_seen_at: issuance.audit.at,
  },
  device: issuance.device && {
    device_id: issuance.device.deviceId,
    thumbprint: issuance.device.thumbprint,
    first_seen_at: issuance.audit.at,
  },
  token: issuance.token && tokenToRow(issuance.token),
  ancestors: (issuance.ancestors ?? []).map(({ ancestorId, via }) => ({
    child_id: issuance.token?.tokenId,
    ancestor_id: ancestorId,
    via,
  })),
  object: issuance.object && objectToRow(issuance.object),
  ticket: issuance.ticket && ticketToRow(issuance.ticket),
  audit: auditToRow(issuance.audit),
});
