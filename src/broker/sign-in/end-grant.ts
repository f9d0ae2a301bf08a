import type { Revocations } from '../../ledger/ledger.ts';
import type { AuditRecord, LockTarget } from '../../ledger/records.ts';
import { newRevocationId } from '../identifiers.ts';

export interface EndGrantDependencies {
  readonly revocations: Pick<Revocations, 'revoke'>;
  readonly now: () => Date;
}

/** Ends an authorization, or all that one sign-in led to: codes, refresh tokens, and whatever came of them. */
export const createEndGrant =
  ({ revocations, now }: EndGrantDependencies) =>
  async (
    target: LockTarget & `grant:${string}`,
    reason: string,
    known: Partial<AuditRecord> & { readonly tenantId: string },
  ): Promise<void> => {
    await revocations.revoke({
      revocationId: newRevocationId(now()),
      target,
      tenantId: known.tenantId,
      block: false,
      reason,
      containObjects: false,
      // Nobody's rights are needed to have less.
      holder: { keys: [], authorities: [] },
      by: known.appId ?? 'daypass',
      audit: {
        ...known,
        at: now(),
        action: 'grant.end',
        outcome: 'granted',
        detail: { target, reason },
      },
    });
  };

export type EndGrant = ReturnType<typeof createEndGrant>;
