import type { CurrentConfiguration } from '../broker/configuration.ts';
import type { createDecide } from '../broker/exchange/decide.ts';
import type { createExchange } from '../broker/exchange/exchange.ts';
import type { CurrentKeys } from '../broker/keys/current-keys.ts';
import { createAgree } from '../broker/sign-in/agree.ts';
import { createEndGrant, createHasEnded } from '../broker/sign-in/end-grant.ts';
import { createIdToken } from '../broker/sign-in/id-token.ts';
import { createKeptSignIns } from '../broker/sign-in/kept-sign-ins.ts';
import { createRedeem } from '../broker/sign-in/redeem.ts';
import { createRefresh } from '../broker/sign-in/refresh.ts';
import { createSignOut } from '../broker/sign-in/sign-out.ts';
import { createIdTokenReader } from '../identity/access-token.ts';
import type { PostgresLedger } from '../ledger/postgres/postgres-ledger.ts';
import type { Secrets } from './secrets.ts';

export interface SignInParts {
  readonly issuer: string;
  readonly ledger: PostgresLedger;
  readonly configuration: CurrentConfiguration;
  readonly decide: ReturnType<typeof createDecide>;
  readonly exchange: ReturnType<typeof createExchange>;
  readonly keys: CurrentKeys;
  readonly secrets: Pick<Secrets, 'refreshTokens'>;
}

/** The use cases of people who sign in here. */
export const createSignInUseCases = (parts: SignInParts) => {
  const { issuer, ledger, keys, secrets } = parts;
  const now = ledger.clock.now;
  const all = { ...ledger, ...parts, now };
  const keptSignIns = createKeptSignIns(all);
  const endGrant = createEndGrant(all);
  const idToken = createIdToken(all);
  return {
    keptSignIns,
    endGrant,
    hasEnded: createHasEnded(all),
    agree: createAgree(all),
    redeem: createRedeem({ ...all, idToken }),
    refresh: createRefresh({ ...all, idToken, endGrant, secrets: secrets.refreshTokens }),
    signOut: createSignOut({ keptSignIns, endGrant }),
    readIdToken: createIdTokenReader({ issuer, published: () => keys.published().keys }),
  };
};
