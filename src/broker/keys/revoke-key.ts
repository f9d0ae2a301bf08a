import type { Revocations } from '../../ledger/ledger.ts';
import type { SigningKeyRecord } from '../../ledger/signing-keys.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import type { Admin } from '../admin.ts';
import { type AuditDraft, type Audited, audited } from '../audited.ts';
import { newRevocationId } from '../identifiers.ts';
import { type Receipt, receiptOf } from '../revocation/revoke.ts';
import { revocation } from './life-cycle.ts';
import { type KeyStatus, statusOf } from './list-keys.ts';
import { createTakeStep, type KeyDependencies } from './steps.ts';

export interface KeyRevocation {
  readonly receipt: Receipt;
  readonly keys: readonly KeyStatus[];
}

export interface RevokeKeyDependencies extends KeyDependencies {
  readonly revocations: Pick<Revocations, 'revoke'>;
  readonly audit: Audited['audit'];
}

/** Times the step is tried again after another instance changed the ring. */
const TRIES = 5;

/**
 * Emergency: the key leaves `/jwks`, another signs, and every token it signed is dead.
 *
 * 1 takes it out of the ring, which always keeps one that signs; 2 locks it, which kills what it signed and
 * stops an instance that has not heard from issuing under it. Where 2 fails the caller hears so and asks again:
 * 1 finds its work done. A lock alone, as `POST /revocations` makes it, is followed by 1 within a second.
 */
export const createRevokeKey = (
  dependencies: RevokeKeyDependencies,
): ((admin: Admin, kid: string, reason: string) => Promise<KeyRevocation>) => {
  const { signingKeys, keys, settings, revocations, now } = dependencies;
  const take = createTakeStep(dependencies);

  const takeOut = async ({ userId: by, known, holder }: Admin, kid: string, reason: string) => {
    for (let tries = 0; tries < TRIES; tries += 1) {
      const all = await signingKeys.list();
      const key = all.find((one) => one.kid === kid);
      if (!key) throw noSuchKey();
      if (key.state === 'revoked') return;
      const mine = all.filter(({ alg }) => alg === key.alg);
      const due = revocation([key], standingAs('active', mine), standingAs('next', mine));
      if (await take(key.alg, due, mine, { by, reason, known, holder })) return;
    }
    throw new OAuthError('conflict', 'the keys keep changing: try again');
  };

  return (admin, kid, reason) =>
    audited(dependencies, 'key.revoke', admin.known, [], async (event) => {
      Object.assign(event, { detail: { target: `key:${kid}`, reason } } satisfies AuditDraft);
      await takeOut(admin, kid, reason);
      const at = now();
      const record = await revocations.revoke({
        revocationId: newRevocationId(at),
        target: `key:${kid}`,
        tenantId: admin.tenantId,
        block: true,
        reason,
        containObjects: false,
        holder: admin.holder,
        by: admin.userId,
        audit: { ...event, at, action: 'revocation.create', outcome: 'granted' },
      });
      await keys.refresh();
      return {
        receipt: receiptOf(record),
        keys: statusOf(await signingKeys.list(), settings()),
      };
    });
};

/** Also a key that is locked already: it leaves its place only here. */
const standingAs = (place: 'active' | 'next', keys: readonly SigningKeyRecord[]) =>
  keys.find(({ state }) => state === place);

const noSuchKey = (): OAuthError =>
  new OAuthError('not_found', 'there is no such signing key', {
    violations: [
      {
        field: 'kid',
        rule: 'unknown_key',
        message: 'no signing key has this id',
        remedy: 'list the keys: GET /admin/v1/keys',
      },
    ],
  });
