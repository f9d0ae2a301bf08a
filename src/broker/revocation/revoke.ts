import type { Residual, RevocationRecord, Revocations } from '../../ledger/ledger.ts';
import type { LockTarget } from '../../ledger/records.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import { type Admin, mustReach } from '../admin.ts';
import { type AuditDraft, type Audited, audited } from '../audited.ts';
import { ADMIN_CLIENT } from '../exchange/admin-client.ts';
import { newRevocationId } from '../identifiers.ts';

/** What can be taken back in this release. */
export const REVOCABLE = ['token_id', 'app_id', 'user_id'] as const;
export type Revocable = (typeof REVOCABLE)[number];

export interface RevocationRequest {
  readonly target: { readonly field: Revocable; readonly id: string };
  /** Absent: true for everything but a token. */
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

/** Takes back a token, an app or a user, and all that descends from it. It holds when this returns. */
export const createRevoke =
  (dependencies: RevokeDependencies) =>
  (admin: Admin, { target, block, reason, containObjects }: RevocationRequest): Promise<Receipt> =>
    audited(dependencies, 'revocation.create', admin.known, [], async (event) => {
      const name = targetOf(target);
      Object.assign(event, { detail: { target: name, reason } } satisfies AuditDraft);
      const tenantId = await dependencies.revocations.tenantOf(name);
      if (name === DOOR) mustLeaveTheDoorOpen(admin, block);
      else mustReach(admin, tenantId, noSuchTarget(target.field));

      const revocation = await dependencies.revocations.revoke({
        revocationId: newRevocationId(dependencies.now()),
        target: name,
        tenantId: tenantId ?? admin.tenantId,
        block: block ?? target.field !== 'token_id',
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

export const receiptOf = (revocation: RevocationRecord): Receipt => ({
  revocation,
  residual: revocation.residual.map((item) => ({ ...item, mitigation: MITIGATION[item.kind] })),
});

/** What would cut short what the revocation cannot reach. */
const MITIGATION: Readonly<Record<Residual['kind'], string>> = {
  presigned_put:
    'what arrives is quarantined, never released; rotate the storage credentials to stop it arriving',
  presigned_get: 'rotate the storage credentials that signed the URLs, or move the objects',
  jwt: 'resource servers that verify offline accept it until it expires; have them ask Daypass',
};

const targetOf = ({ field, id }: RevocationRequest['target']): LockTarget =>
  (({ token_id: `token:${id}`, app_id: `app:${id}`, user_id: `user:${id}` }) as const)[field];

/** The client everyone comes to the admin door through belongs to no tenant. */
const DOOR = `app:${ADMIN_CLIENT}`;

/** Its sessions may be ended; it is never blocked from the inside, where nobody could lift the block again. */
const mustLeaveTheDoorOpen = (admin: Admin, block: boolean | undefined): void => {
  if (!admin.deployment) throw noSuchTarget('app_id');
  if (block !== false) throw lockedFromInside();
};

const lockedFromInside = (): OAuthError =>
  new OAuthError('invalid_request', 'the admin client cannot be blocked through itself', {
    violations: [
      {
        field: 'block',
        rule: 'admin_client',
        message: 'nobody could lift the block again',
        remedy:
          'send block: false to end every admin session, or change `admins` in the configuration',
      },
    ],
  });

const noSuchTarget = (field: string): OAuthError =>
  new OAuthError('not_found', 'there is nothing by that name', {
    violations: [
      {
        field: `target.${field}`,
        rule: 'unknown_target',
        message: 'nothing by that name is within your reach',
        remedy: 'search tokens or the audit trail for the exact id',
      },
    ],
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
