import { hash } from 'node:crypto';
import type { App } from '../../config/deployment.ts';
import type { Authorization } from '../../ledger/records.ts';
import type { CurrentKeys } from '../keys/current-keys.ts';

/** Seconds. It says who signed in, and is read at once: nothing is ever got for it later. */
const LIFE = 300;

export interface IdTokenDependencies {
  readonly keys: Pick<CurrentKeys, 'signer'>;
  readonly issuer: string;
  readonly now: () => Date;
}

/** Who signed in, for the app that asked (OpenID Connect Core §2), signed with the key in force. */
export const createIdToken =
  ({ keys, issuer, now }: IdTokenDependencies) =>
  (
    app: App,
    { signIn, acr, nonce }: Authorization,
    { accessToken, sid }: { readonly accessToken: string; readonly sid: string },
  ): string | Promise<string> => {
    const iat = Math.floor(now().getTime() / 1000);
    return keys.signer('ES256').sign('JWT', {
      iss: issuer,
      sub: signIn.userId,
      aud: app.id,
      iat,
      exp: iat + LIFE,
      auth_time: signIn.authenticatedAt ?? signIn.issuedAt,
      ...(nonce !== undefined && { nonce }),
      ...(acr !== undefined && { acr }),
      at_hash: leftHalf(accessToken),
      sid,
      tenant: signIn.tenant,
    });
  };

/** OpenID Connect Core §3.1.3.6, for ES256. */
const leftHalf = (token: string): string =>
  hash('sha256', token, 'buffer').subarray(0, 16).toString('base64url');
