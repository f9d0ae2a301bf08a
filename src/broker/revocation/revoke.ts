import type { Residual, RevocationRecord, Revocations } from '../../ledger/ledger.ts';
import type { LockTarget } from '../../ledger/records.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import { type Admin, mustReach } from '../admin.ts';
import { type AuditDraft, type Audited, audited } from '../audited.ts';
import { newRevocationId } from '../identifiers.ts';
import { mitigationOf } from './mitigation.ts';
import {
  blocksByDefault,
  lockOf,
  mustBeTheirs,
  mustLeaveTheDoorOpen,
  reach,
  type Target,
  targetOf,
} from './target.ts';

export interface RevocationRequest {
  readonly target: Target;
  /** Absent: true for everything but a token and a grant. */
  readonly block: boolean | undefined;
  readonly reason: string;
  /** Whether what was uploaded under the target is quarantined too. */
  readonly containObjects: boolean;
}

/** What is dead now, and what can still be used where and until when: counted, not hoped. */
export interface Receipt {
  readonly revocation: RevocationRecord;
  readonly residual: readonly (Residual & { readonly mitigation: string })[];
}

export interface RevokeDependencies {
  readonly revocations: Revocations;
  readonly audit: Audited['audit'];
  readonly now: () => Date;
}

/** Takes back what the target names and all that descends from it. It holds when this returns. */
export const createRevoke =
  (dependencies: RevokeDependencies) =>
  (admin: Admin, { target, block, reason, containObjects }: RevocationRequest): Promise<Receipt> =>
    audited(dependencies, 'revocation.create', admin.known, [], async (event) => {
      const name = lockOf(target);
      Object.assign(event, { detail: { target: name, reason } } satisfies AuditDraft);
      mustBeTheirs(admin, target);
      const tenantId = reach(admin, target, await dependencies.revocations.tenantsOf(name));
      const blocks = block ?? blocksByDefault(target.field);
      mustLeaveTheDoorOpen(admin, target, blocks);

      const revocation = await dependencies.revocations.revoke({
        revocationId: newRevocationId(dependencies.now()),
        target: name,
        tenantId,
        block: blocks,
        reason,
        containObjects,
        holder: admin.holder,
        by: admin.userId,
        audit: {
          ...event,
          at: dependencies.now(),
          action: 'revocation.create',
          outcome: 'granted',
        },
      });
      return receiptOf(revocation);
    });

/** Ends a block. What was revoked stays dead. */
export const createLift =
  (dependencies: RevokeDependencies) =>
  (admin: Admin, revocationId: string): Promise<void> =>
    audited(dependencies, 'revocation.lift', admin.known, [], async (event) => {
      Object.assign(event, { detail: { revocation_id: revocationId } } satisfies AuditDraft);
      const found = await dependencies.revocations.find(revocationId);
      mustReach(admin, found?.tenantId, noSuchRevocation());
      if (found) Object.assign(event.detail ?? {}, { target: found.target });
      if (found) await mustBeLiftable(admin, found.target, dependencies.revocations);
      const audit = {
        ...event,
        at: dependencies.now(),
        action: 'revocation.lift',
        outcome: 'granted',
      } as const;
      const lifted = await dependencies.revocations.lift(
        revocationId,
        admin.userId,
        admin.holder,
        audit,
      );
      if (!lifted) throw noSuchRevocation();
    });

/** Whoever may not place a block lifts none: it may be another tenant's, or the deployment's. */
const mustBeLiftable = async (
  admin: Admin,
  lock: LockTarget,
  { tenantsOf }: Revocations,
): Promise<void> => {
  const target = targetOf(lock);
  if (target) mustBeTheirs(admin, target);
  for (const tenant of await tenantsOf(lock)) mustReach(admin, tenant, noSuchRevocation());
};

export const receiptOf = (revocation: RevocationRecord): Receipt => ({
  revocation,
  residual: revocation.residual.map((item) => ({ ...item, mitigation: mitigationOf(item) })),
});

export const noSuchRevocation = (): OAuthError =>
  new OAuthError('not_found', 'no such revocation is in force', {
    violations: [
      {
        field: 'id',
        rule: 'unknown_revocation',
        message: 'there is no such revocation within your reach, or its block was lifted before',
        remedy: 'list the revocations',
      },
    ],
  });
