import { grantIdOf } from '../identifiers.ts';
import type { EndGrant } from './end-grant.ts';
import type { KeptSignIns } from './kept-sign-ins.ts';

export interface SignOutDependencies {
  readonly keptSignIns: KeptSignIns;
  readonly endGrant: EndGrant;
}

/**
 * Ends what apps got for a sign-in here and for those before it in the same browser, also where the sign-ins have ended
 * themselves: their refresh tokens may not have. Nothing where all of it has been ended.
 *
 * @throws {OAuthError} `temporarily_unavailable`: then nothing is forgotten, and it can be tried again.
 */
export const createSignOut =
  ({ keptSignIns, endGrant }: SignOutDependencies) =>
  async (signInId: string): Promise<void> => {
    for (const { tokenHash, tenant, userId, issuer } of await keptSignIns.ofBrowser(signInId)) {
      const known = { tenantId: tenant, userId, issuer };
      await endGrant(`grant:${grantIdOf(tokenHash)}`, 'signed out', known);
    }
    await keptSignIns.forget(signInId);
  };
