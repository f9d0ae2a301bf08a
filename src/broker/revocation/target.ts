import type { LockTarget } from '../../ledger/records.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import { type Admin, mustReach } from '../admin.ts';
import { ADMIN_CLIENT } from '../exchange/admin-client.ts';

/** What can be taken back: each kind of lock by the name it has on the wire. */
export const REVOCABLE = [
  'token_id',
  'grant_id',
  'app_id',
  'device_id',
  'user_id',
  'issuer_id',
  'tenant_id',
  'key_id',
] as const;
export type Revocable = (typeof REVOCABLE)[number];

export interface Target {
  readonly field: Revocable;
  readonly id: string;
}

export const lockOf = ({ field, id }: Target): LockTarget =>
  `${field.slice(0, -'_id'.length) as 'token'}:${id}`;

/** What a lock names, where an admin can name it; sessions are ended by who holds them. */
export const targetOf = (lock: LockTarget): Target | undefined => {
  const kind = lock.slice(0, lock.indexOf(':'));
  const field = REVOCABLE.find((one) => one === `${kind}_id`);
  return field && { field, id: lock.slice(kind.length + 1) };
};

/** A token or a grant is never given again: there is nothing to block. */
export const blocksByDefault = (field: Revocable): boolean =>
  field !== 'token_id' && field !== 'grant_id';

/** What belongs to no tenant's admin, be it in their tenant. */
const OF_THE_DEPLOYMENT: ReadonlySet<Revocable> = new Set(['tenant_id', 'issuer_id', 'key_id']);

/** @throws {OAuthError} `access_denied` for a tenant's admin, who learns nothing of what there is. */
export const mustBeTheirs = (admin: Admin, { field }: Target): void => {
  if (admin.deployment || !OF_THE_DEPLOYMENT.has(field)) return;
  throw new OAuthError('access_denied', 'this takes a role with deployment scope', {
    violations: [
      {
        field: `target.${field}`,
        rule: 'scope',
        message: 'tenants, issuers and keys take a role with deployment scope',
        remedy: 'ask for it under `admins` in the configuration',
      },
    ],
  });
};

/** The client everyone comes to the admin door through belongs to no tenant. */
const DOOR: LockTarget = `app:${ADMIN_CLIENT}`;

/**
 * Whether it exists within their reach. A key used in several tenants takes one who reaches them all.
 *
 * @returns the tenant the revocation is listed under.
 * @throws {OAuthError} `not_found`, alike for what is not there and what is another's.
 */
export const reach = (admin: Admin, target: Target, tenants: readonly string[]): string => {
  if (lockOf(target) === DOOR) {
    if (!admin.deployment) throw noSuchTarget(target);
    return admin.tenantId;
  }
  if (tenants.length === 0) throw noSuchTarget(target);
  for (const tenant of tenants) mustReach(admin, tenant, noSuchTarget(target));
  const [first = admin.tenantId] = tenants;
  return tenants.includes(admin.tenantId) ? admin.tenantId : first;
};

/**
 * Nobody blocks what they act by themselves: their own person, key, issuer or tenant, or the client of the
 * admin door. Whoever did would be the first to be locked out, perhaps the last who could lift it. Ending what
 * has been issued is always allowed, with their own session among it.
 */
export const mustLeaveTheDoorOpen = (admin: Admin, target: Target, block: boolean): void => {
  if (block && admin.holder.keys.includes(lockOf(target))) throw lockedFromInside(target);
};

const lockedFromInside = ({ field }: Target): OAuthError =>
  new OAuthError('invalid_request', 'an admin cannot block what they act by themselves', {
    violations: [
      {
        field: 'block',
        rule: field === 'app_id' ? 'admin_client' : 'own_authority',
        message: 'you would be locked out, and perhaps nobody could lift the block again',
        remedy:
          'send block: false to end what has been issued, have another admin block it, or change the configuration',
      },
    ],
  });

const noSuchTarget = ({ field }: Target): OAuthError =>
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
