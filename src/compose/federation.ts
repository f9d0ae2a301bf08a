import type { ConfirmedConfiguration } from '../broker/configuration.ts';
import { createEndSession } from '../broker/revocation/end-session.ts';
import type { Issuer } from '../config/deployment.ts';
import type { Notice } from '../config/not-yet.ts';
import { createFetch } from '../egress/fetch.ts';
import { callbackUrlOf, createFederation, type FederatedIssuer } from '../federation/federation.ts';
import { createLogoutInbox, type InboxIssuer } from '../federation/logout-inbox.ts';
import { createLogoutTokenVerifier } from '../identity/logout-token.ts';
import { type IdTokenVerifier, userIdOf } from '../identity/verifier.ts';
import { seal, unseal } from '../keys/envelope.ts';
import type { PostgresLedger } from '../ledger/postgres/postgres-ledger.ts';
import type { Secrets } from './secrets.ts';

export interface FederationParts {
  readonly issuer: string;
  readonly production: boolean;
  readonly ledger: PostgresLedger;
  readonly configuration: ConfirmedConfiguration;
  readonly verifier: IdTokenVerifier;
  readonly secrets: Pick<Secrets, 'keyEncryptionKeys'>;
  /** The value of a variable that the configuration names. */
  readonly secret: (name: string) => string | undefined;
  readonly onError: (error: unknown) => void;
}

type SignInIssuer = Issuer & { readonly sign_in: NonNullable<Issuer['sign_in']> };

const withSignIn = (issuers: readonly Issuer[]): readonly SignInIssuer[] =>
  issuers.filter(
    (issuer): issuer is SignInIssuer => issuer.enabled && issuer.sign_in !== undefined,
  );

/** Undefined where the variable is not set, or set in a way that means nothing. */
const secretOf = (
  { client_secret_env }: SignInIssuer['sign_in'],
  secret: FederationParts['secret'],
): string | undefined => {
  if (client_secret_env === undefined) return undefined;
  try {
    return secret(client_secret_env) || undefined;
  } catch {
    return undefined;
  }
};

const isWithoutSecret = ({ sign_in }: SignInIssuer, secret: FederationParts['secret']): boolean =>
  sign_in.client_secret_env !== undefined && secretOf(sign_in, secret) === undefined;

/** Who cannot be signed in through, though the configuration says so: for whoever starts it. */
export const missingSecrets = (
  issuers: readonly Issuer[],
  secret: FederationParts['secret'],
): readonly Notice[] =>
  withSignIn(issuers)
    .filter((issuer) => isWithoutSecret(issuer, secret))
    .map(({ id, sign_in: { client_secret_env: name = '' } }) => ({
      field: `issuers.${id}.sign_in.client_secret_env`,
      message: `nobody can sign in through it: set ${name} or ${name}_FILE, one of the two`,
    }));

const toFederated = (issuer: SignInIssuer, secret: FederationParts['secret']): FederatedIssuer => ({
  id: issuer.id,
  issuer: issuer.issuer,
  clientId: issuer.sign_in.client_id,
  clientSecret: secretOf(issuer.sign_in, secret),
});

const toInbox = ({ id, issuer, algorithms, sign_in }: SignInIssuer): InboxIssuer => ({
  id,
  issuer,
  algorithms,
  clientId: sign_in.client_id,
});

/** What the demo IdP is told of us, so that people can sign in through it without anything being set up. */
export const relyingPartiesOf = (self: string, issuers: readonly Issuer[], idp: string) =>
  withSignIn(issuers)
    .filter(({ issuer }) => issuer === idp)
    .map(({ id, sign_in }) => ({
      clientId: sign_in.client_id,
      redirectUri: callbackUrlOf(self, id),
      logoutUri: `${self}/backchannel-logout/${encodeURIComponent(id)}`,
      signedOutUris: [`${self}/`, `${self}/session/end`, `${self}/signed-out`],
    }));

/** What a waiting logout token is sealed as. */
const SEALED = 'logout token';

/** Signing in and out through the company's IdPs, with the adapters it runs on. */
export const createFederationWork = (parts: FederationParts) => {
  const { issuer, ledger, configuration, verifier, secret, secrets, onError } = parts;
  const now = ledger.clock.now;
  const fetch = createFetch({ allowLoopback: !parts.production });
  const { artifacts, revocations } = ledger;
  // Law 3: an issuer that was disabled on another instance a moment ago is disabled here.
  const signInIssuers = async () => withSignIn((await configuration.confirm()).deployment.issuers);
  const endSession = createEndSession({ revocations, configuration, userIdOf, now });

  const federation = createFederation({
    issuer,
    issuers: async () =>
      (await signInIssuers())
        .filter((one) => !isWithoutSecret(one, secret))
        .map((one) => toFederated(one, secret)),
    verify: verifier.verify,
    artifacts,
    fetch,
    now,
  });
  const logouts = createLogoutInbox({
    issuers: async () => (await signInIssuers()).map(toInbox),
    verifier: createLogoutTokenVerifier({ fetch }),
    end: (logout, issuerId) => endSession({ ...logout, issuerId }),
    artifacts,
    seal: (text) =>
      seal(Buffer.from(text), SEALED, secrets.keyEncryptionKeys[0]).toString('base64url'),
    unseal: (sealed) => openWithAny(Buffer.from(sealed, 'base64url'), secrets.keyEncryptionKeys),
    now,
    onError,
  });
  return { federation, logouts };
};

export type FederationWork = ReturnType<typeof createFederationWork>;

/** Under the key of now, or under the one before it. */
const openWithAny = (sealed: Buffer, keys: readonly Buffer[]): string => {
  const failures: unknown[] = [];
  for (const key of keys) {
    try {
      return unseal(sealed, SEALED, key).toString();
    } catch (error) {
      failures.push(error);
    }
  }
  throw new AggregateError(failures, 'a waiting logout token cannot be opened');
};
