import { grantIdOf } from '../identifiers.ts';
import type { EndGrant } from './end-grant.ts';
import type { KeptSignIns } from './kept-sign-ins.ts';

export interface SignOutDependencies {
  readonly keptSignIns: KeptSignIns;
  readonly endGrant: EndGrant;
}

/** Ends a sign-in here, and all that apps got for it. Nothing where it has ended already. */
export const createSignOut =
  ({ keptSignIns, endGrant }: SignOutDependencies) =>
  async (signInId: string): Promise<void> => {
    const kept = await keptSignIns.find(signInId);
    if (!kept) return;
    const { tokenHash, tenant, userId, issuer } = kept.signIn;
    const known = { tenantId: tenant, userId, issuer };
    await endGrant(`grant:${grantIdOf(tokenHash)}`, 'signed out', known);
    await keptSignIns.forget(signInId);
  };
