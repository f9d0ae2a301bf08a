import type { App } from '../../config/deployment.ts';
import type { Revocations } from '../../ledger/ledger.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import { type AuditDraft, type Audited, audited } from '../audited.ts';
import type { RequestContext } from '../context.ts';
import type { FindToken } from '../find-token.ts';
import { newRevocationId } from '../identifiers.ts';
import { holder } from '../use.ts';

export interface RevokeOwnDependencies extends Audited {
  readonly findToken: FindToken;
  readonly revocations: Pick<Revocations, 'revoke'>;
}

export type RevokeOwn = (token: string, client: App, context: RequestContext) => Promise<void>;

const ACTION = 'token.revoke';

/**
 * A client gives back a token of its own (RFC 7009), and with it all that descends from it. It holds on
 * every instance when this returns.
 *
 * Who has the token may end it: no proof of its key is asked for. Whoever stole a bound token can do no
 * better with it, and an app that lost its key can still sign out.
 *
 * @param client has authenticated, or is public and says that it is this one.
 * @throws {OAuthError} `invalid_grant` for a live token of another client; `temporarily_unavailable` where
 *   the revocation could not be recorded. Never for a token that is unknown or dead already (§2.2).
 */
export const createRevokeOwn =
  (dependencies: RevokeOwnDependencies): RevokeOwn =>
  async (value, client, context) => {
    const { findToken, revocations, now } = dependencies;
    const held = await findToken(value);
    if (!held || held.revoked || held.token.expiresAt <= now()) return;
    const { token } = held;
    const detail = { revoked_by: client.id };
    const known: AuditDraft = { ...holder(token, context), detail };
    await audited(dependencies, ACTION, known, [], async (event) => {
      if (token.appId !== client.id) throw anothers();
      await revocations.revoke({
        revocationId: newRevocationId(now()),
        target: `token:${token.tokenId}`,
        tenantId: token.tenantId,
        block: false,
        reason: 'given back by its client',
        containObjects: false,
        // Whatever became of the client's own rights meanwhile: less can always be asked for.
        holder: { keys: [], authorities: [] },
        by: client.id,
        audit: { ...event, at: now(), action: ACTION, outcome: 'granted' },
      });
    });
  };

/** RFC 7009 §2.1: refused, and the client is told; RFC 6749 §5.2 has the code for it. */
const anothers = (): OAuthError =>
  new OAuthError('invalid_grant', 'the token was issued to another client', {
    detail: 'token of another client',
    violations: [
      {
        field: 'token',
        rule: 'own_token',
        message: 'a client revokes what was issued to it, and nothing else',
        remedy: 'revoke it as the client it was issued to, or ask the security desk',
      },
    ],
  });
