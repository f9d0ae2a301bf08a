import type { Signer } from '../../keys/signer.ts';
import type { Introspection } from './introspect.ts';

export interface SignIntrospectionDependencies {
  readonly signer: () => Signer;
  readonly issuer: string;
  readonly now: () => Date;
}

export type SignIntrospection = (introspection: Introspection, callerId: string) => Promise<string>;

/**
 * An introspection its reader can keep as evidence (RFC 9701 §5). `typ` keeps it from being taken for an
 * access token, and the members of the token stay inside their own claim (§8.1): nothing at the top says
 * `sub`, `scope` or `exp`.
 */
export const createSignIntrospection =
  ({ signer, issuer, now }: SignIntrospectionDependencies): SignIntrospection =>
  async (introspection, callerId) =>
    signer().sign('token-introspection+jwt', {
      iss: issuer,
      aud: callerId,
      iat: Math.floor(now().getTime() / 1000),
      token_introspection: introspection,
    });
