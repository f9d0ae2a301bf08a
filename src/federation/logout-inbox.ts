import { hash } from 'node:crypto';
import type { Logout, LogoutIssuer, LogoutTokenVerifier } from '../identity/logout-token.ts';
import type { Artifacts } from '../ledger/artifacts.ts';
import { OAuthError, unavailable } from '../protocol/oauth-error.ts';

/** An issuer that tells us of its logouts, by our name for it. */
export interface InboxIssuer extends LogoutIssuer {
  readonly id: string;
}

/**
 * Logout inbox: what of the sessions that have ended is still to be done? (OpenID Connect Back-Channel Logout 1.0)
 *
 * What cannot be done at once is kept and done later: an IdP says it once. It does not know what came of a
 * session; `end` does.
 */
export interface LogoutInbox {
  /**
   * Returns once everything that the session issued is dead.
   *
   * @throws {OAuthError} `invalid_request` for a logout token that is none (§2.8);
   *   `temporarily_unavailable` where it could not be verified or carried out yet. It will be.
   */
  receive(issuerId: string, logoutToken: string): Promise<void>;
  /** Tries again what waits. */
  retry(): Promise<void>;
}

export interface LogoutInboxDependencies {
  readonly issuers: () => Promise<readonly InboxIssuer[]>;
  readonly verifier: LogoutTokenVerifier;
  /** Ends what came of it. Doing so twice is as good as once. */
  readonly end: (logout: Logout, issuerId: string) => Promise<void>;
  readonly artifacts: Artifacts;
  /** A token that has to wait is kept where only this deployment can read it. */
  readonly seal: (text: string) => string;
  readonly unseal: (sealed: string) => string;
  readonly now: () => Date;
  readonly onError: (error: unknown) => void;
}

/** A token that could not be verified yet. */
interface Unverified {
  readonly issuerId: string;
  readonly sealed: string;
  /** Epoch milliseconds. */
  readonly receivedAt: number;
}

/** A logout that is proven; carried out once the row is consumed. */
interface Proven {
  readonly issuerId: string;
  readonly logout: Logout;
}

const UNVERIFIED = 'UnverifiedLogout';
const PROVEN = 'Logout';
/** The `uid` of proven ones; of the others it is the issuer, so that none waits behind another's. */
const OPEN = 'open';
/** Milliseconds: what waits longer is given up, and no `jti` can come again. */
const KEPT = 24 * 60 * 60 * 1000;
/** For each issuer: whoever sends rubbish while an IdP is down fills no table. */
const MOST_UNVERIFIED = 500;
const ROUND = 50;

const hashOf = (text: string): string => hash('sha256', text, 'base64url');

const refused = (rule: string, detail: string): OAuthError =>
  new OAuthError('invalid_request', 'the logout token is not acceptable', {
    detail,
    violations: [
      {
        field: 'logout_token',
        rule,
        message: 'it is not a logout token of this issuer for Daypass, fresh and used once',
        remedy: 'send the token that OpenID Connect Back-Channel Logout 1.0 §2.4 describes',
      },
    ],
  });

const isOutage = (error: unknown): boolean => !(error instanceof OAuthError) || error.status >= 500;

export const createLogoutInbox = (dependencies: LogoutInboxDependencies): LogoutInbox => {
  const { issuers, verifier, end, artifacts, seal, unseal, now, onError } = dependencies;

  const row = (model: string, idHash: string, uid: string, payload: Unverified | Proven) => ({
    model,
    idHash,
    payload,
    grantId: undefined,
    uid,
    userCode: undefined,
    expiresAt: new Date(now().getTime() + KEPT),
  });

  const find = async (issuerId: string): Promise<InboxIssuer> => {
    const issuer = (await issuers()).find(({ id }) => id === issuerId);
    if (issuer) return issuer;
    throw refused('issuer', 'no issuer with sign_in by that name');
  };

  /** Leans closed: marked as done only after it is. Who does it twice has lost nothing. */
  const carryOut = async (idHash: string, { issuerId, logout }: Proven): Promise<void> => {
    await end(logout, issuerId);
    await artifacts.consume(PROVEN, idHash, now());
  };

  /** On record before it is carried out, so that nothing in between can lose it. */
  const accept = async (issuerId: string, logout: Logout): Promise<void> => {
    const idHash = hashOf(`${logout.issuer}\0${logout.id}`);
    const proven: Proven = { issuerId, logout };
    if (await artifacts.putOnce(row(PROVEN, idHash, OPEN, proven))) return carryOut(idHash, proven);
    const before = await artifacts.find(PROVEN, idHash);
    // The IdP asks again for what we could not do: it is asked for, not replayed.
    if (before && !before.consumedAt) return carryOut(idHash, proven);
    throw refused('jti', 'jti was seen before');
  };

  const keepForLater = async (issuerId: string, token: string, cause: unknown): Promise<void> => {
    const waiting = await artifacts.open(UNVERIFIED, issuerId, MOST_UNVERIFIED);
    const isFull = waiting.length >= MOST_UNVERIFIED;
    const unverified = { issuerId, sealed: seal(token), receivedAt: now().getTime() };
    if (!isFull) {
      await artifacts.putOnce(row(UNVERIFIED, hashOf(token), issuerId, unverified));
    }
    throw unavailable(
      `logout cannot be verified yet: ${isFull ? 'too many wait, send it again' : 'it waits'}`,
      cause,
    );
  };

  const retryUnverified = async (idHash: string, waiting: Unverified): Promise<void> => {
    const { issuerId, sealed, receivedAt } = waiting;
    try {
      const issuer = await find(issuerId);
      const logout = await verifier.verify(unseal(sealed), issuer, new Date(receivedAt), now());
      await accept(issuerId, logout);
    } catch (error) {
      if (isOutage(error)) return; // The next round tries again.
      onError(error);
    }
    await artifacts.destroy(UNVERIFIED, idHash);
  };

  return {
    async receive(issuerId, token) {
      const issuer = await find(issuerId);
      const at = now();
      const logout = await verifier.verify(token, issuer, at, at).catch(async (error: unknown) => {
        if (isOutage(error)) await keepForLater(issuerId, token, error);
        throw refused('logout_token', error instanceof OAuthError ? `${error.detail}` : 'unknown');
      });
      await accept(issuerId, logout);
    },

    async retry() {
      for (const { idHash, payload } of await artifacts.open(PROVEN, OPEN, ROUND)) {
        await carryOut(idHash, payload as Proven).catch(onError);
      }
      for (const { id } of await issuers()) {
        for (const { idHash, payload } of await artifacts.open(UNVERIFIED, id, MOST_UNVERIFIED)) {
          await retryUnverified(idHash, payload as Unverified).catch(onError);
        }
      }
    },
  };
};
