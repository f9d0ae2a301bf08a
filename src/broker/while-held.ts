import type { Tokens } from '../ledger/ledger.ts';
import type { Admin } from './admin.ts';
import { mustStillHold } from './use.ts';

/**
 * What `read` found, for an administrator who still holds the token they came with. That is asked after the
 * reading and after any revocation under way, so nothing is told that was read when they no longer held it (law 3).
 *
 * @throws {OAuthError} `invalid_token` or `access_denied` where they do not.
 */
export const createWhileHeld =
  ({ tokens }: { readonly tokens: Pick<Tokens, 'recheck'> }) =>
  async <Found>(admin: Admin, read: () => Promise<Found>): Promise<Found> => {
    const found = await read();
    mustStillHold(await tokens.recheck(admin.holder));
    return found;
  };
