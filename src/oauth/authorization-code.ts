import { hash } from 'node:crypto';
import type { Provider } from 'oidc-provider';
import { CODE_NOT_GOOD } from '../broker/exchange/refused.ts';
import type { KeptSignIns } from '../broker/sign-in/kept-sign-ins.ts';
import type { Authorization } from '../ledger/records.ts';
import { OAuthError } from '../protocol/oauth-error.ts';
import { agreementOf } from './sign-in-policy.ts';

/** What a code stands for, once everything about its request has been found right. */
export interface FoundCode {
  /** The library's own id of the grant. */
  readonly grantId: string;
  readonly authorization: Authorization;
  readonly scopes: readonly string[];
  /** The key the client said it would prove (RFC 9449 §10). */
  readonly jkt: string | undefined;
  readonly expiresAt: Date;
  /** What is remembered of it against a second use. */
  readonly replayId: string;
}

interface CodeRequest {
  readonly code: string;
  readonly clientId: string;
  readonly redirectUri: unknown;
  readonly verifier: unknown;
}

/** What the library keeps of a code, as 9.13.3 has it. */
interface StoredCode {
  readonly clientId?: string;
  readonly grantId?: string;
  readonly accountId?: string;
  readonly redirectUri?: string;
  readonly codeChallenge?: string;
  readonly codeChallengeMethod?: string;
  readonly nonce?: string;
  readonly scope?: string;
  readonly dpopJkt?: string;
  readonly exp?: number;
  readonly rar?: unknown;
}

/**
 * Finds the code of a token request (RFC 6749 §4.1.3, RFC 7636 §4.6). It uses nothing up: that is done in the
 * statement that issues what is given for it.
 *
 * @throws {OAuthError} `invalid_grant`, reading alike for whatever is wrong.
 */
export const createFindCode =
  (provider: Provider, { keptSignIns }: { readonly keptSignIns: KeptSignIns }) =>
  async ({ code, clientId, redirectUri, verifier }: CodeRequest): Promise<FoundCode> => {
    const stored = (await provider.AuthorizationCode.find(code, {
      ignoreExpiration: true,
    })) as StoredCode | undefined;
    if (!stored) throw notGood('unknown, or expired');
    if (stored.clientId !== clientId) throw notGood('of another client');
    if (stored.redirectUri !== redirectUri) throw notGood('of another redirect_uri');
    mustBeTheSame(stored, verifier);
    return toFound(stored, code, keptSignIns);
  };

/** RFC 7636 §4.6, RFC 9700 §2.1.1: S256 alone, and a verifier without a challenge is somebody else's (E09). */
const mustBeTheSame = (
  { codeChallenge, codeChallengeMethod }: StoredCode,
  verifier: unknown,
): void => {
  if (codeChallengeMethod !== 'S256') throw notGood('no challenge of method S256');
  if (typeof verifier !== 'string' || !VERIFIER.test(verifier)) throw notGood('no verifier');
  if (hash('sha256', verifier, 'base64url') !== codeChallenge) throw notGood('another verifier');
};

/** RFC 7636 §4.1 */
const VERIFIER = /^[A-Za-z0-9\-._~]{43,128}$/;

const toFound = async (
  stored: StoredCode,
  code: string,
  keptSignIns: KeptSignIns,
): Promise<FoundCode> => {
  const { grantId, accountId, nonce, dpopJkt, exp } = stored;
  const agreement = agreementOf(stored);
  const kept = accountId === undefined ? undefined : await keptSignIns.find(accountId);
  if (!kept) throw notGood('the sign-in behind it has ended');
  if (!agreement || grantId === undefined || exp === undefined) {
    throw notGood('nothing was agreed to');
  }
  const scopes = stored.scope?.split(' ') ?? [];
  return {
    grantId,
    authorization: {
      ...kept,
      limit: agreement.limit,
      openid: scopes.includes('openid'),
      nonce,
      authorizedAt: agreement.at,
    },
    scopes,
    jkt: dpopJkt,
    expiresAt: new Date(exp * 1000),
    replayId: `code:${hash('sha256', code, 'base64url')}`,
  };
};

export const notGood = (detail: string): OAuthError =>
  new OAuthError('invalid_grant', 'the authorization code is not good, or not good any more', {
    detail: `authorization code: ${detail}`,
    violations: [CODE_NOT_GOOD],
  });
