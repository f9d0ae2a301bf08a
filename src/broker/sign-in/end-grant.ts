import type { Revocations, Tokens } from '../../ledger/ledger.ts';
import type { AuditRecord, LockTarget } from '../../ledger/records.ts';
import { newRevocationId } from '../identifiers.ts';

export interface EndGrantDependencies {
  readonly revocations: Pick<Revocations, 'revoke'>;
  readonly tokens: Pick<Tokens, 'recheck'>;
  readonly now: () => Date;
}

export type EndGrant = (
  target: LockTarget & `grant:${string}`,
  reason: string,
  known: Partial<AuditRecord> & { readonly tenantId: string },
) => Promise<void>;

/**
 * Ends an authorization, or all that one sign-in led to: codes, refresh tokens, and whatever came of them. Once: a
 * thief who tries fifty times, or all at once, makes one row.
 */
export const createEndGrant = ({ revocations, tokens, now }: EndGrantDependencies): EndGrant => {
  const underWay = new Map<string, Promise<void>>();

  const end: EndGrant = async (target, reason, known) => {
    const authorities = [{ key: target, since: new Date(0) }];
    if ((await tokens.recheck({ keys: [], authorities })) !== undefined) return;
    await revocations.revoke({
      revocationId: newRevocationId(now()),
      target,
      tenantId: known.tenantId,
      userId: known.userId,
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

  return (target, reason, known) => {
    const running = underWay.get(target);
    if (running !== undefined) return running;
    const ending = end(target, reason, known).finally(() => underWay.delete(target));
    underWay.set(target, ending);
    return ending;
  };
};

/** Whether an authorization has been ended, by whomever. */
export const createHasEnded =
  ({ tokens }: Pick<EndGrantDependencies, 'tokens'>) =>
  async (grantId: string): Promise<boolean> => {
    const authorities = [{ key: `grant:${grantId}` as const, since: new Date(0) }];
    return (await tokens.recheck({ keys: [], authorities })) !== undefined;
  };
