import type { Revocations } from '../../ledger/ledger.ts';
import type { LockTarget } from '../../ledger/records.ts';
import type { CurrentConfiguration } from '../configuration.ts';
import { newRevocationId, sessionIdOf } from '../identifiers.ts';

export interface EndSessionDependencies {
  readonly revocations: Pick<Revocations, 'revoke'>;
  readonly configuration: CurrentConfiguration;
  readonly userIdOf: (issuer: string, subject: string) => string;
  readonly now: () => Date;
}

/** A session that has ended at a company's IdP, as its logout token says. */
export interface EndedSession {
  readonly issuerId: string;
  readonly issuer: string;
  readonly subject: string | undefined;
  /** Undefined: all sessions of the subject have ended. */
  readonly sessionId: string | undefined;
}

const REASON = 'signed out at the identity provider';

/**
 * Whatever came of the session dies, with all that descends from it; nobody is kept from signing in again.
 *
 * @throws {OAuthError} `temporarily_unavailable` where it could not be recorded: it does not hold then.
 */
export const createEndSession =
  ({ revocations, configuration, userIdOf, now }: EndSessionDependencies) =>
  async ({ issuerId, issuer, subject, sessionId }: EndedSession): Promise<void> => {
    const userId = subject === undefined ? undefined : userIdOf(issuer, subject);
    const target: LockTarget =
      sessionId === undefined
        ? `user:${userId ?? ''}`
        : `session:${sessionIdOf(issuer, sessionId)}`;
    const tenantId = configuration.get().index.issuerById(issuerId)?.tenant ?? '';
    const at = now();
    await revocations.revoke({
      revocationId: newRevocationId(at),
      target,
      tenantId,
      userId,
      block: false,
      reason: REASON,
      containObjects: false,
      // The company's word is enough: nobody of ours acts here.
      holder: { keys: [], authorities: [] },
      by: `issuer:${issuerId}`,
      audit: {
        at,
        action: 'session.end',
        outcome: 'granted',
        tenantId,
        issuer,
        userId,
        detail: { target, reason: REASON },
      },
    });
  };
