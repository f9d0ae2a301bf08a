import type { App } from '../../config/deployment.ts';
import type { Dpop, Proof } from '../../identity/dpop.ts';
import type { IdTokenVerifier } from '../../identity/verifier.ts';
import type { AuditRecord, SeenProof } from '../../ledger/records.ts';
import { OAuthError, unproven } from '../../protocol/oauth-error.ts';
import { opaqueKind } from '../../protocol/opaque-token.ts';
import type { SignIn } from '../../protocol/principal.ts';
import { type Audited, recordRefusal } from '../audited.ts';
import { type CurrentConfiguration, type InForce, underConfiguration } from '../configuration.ts';
import type { PresentedCredential, RequestContext } from '../context.ts';
import { type createTokenProver, seen } from '../held-token.ts';
import { holder } from '../use.ts';
import { ADMIN_CLIENT, adminClientFor, forApps, opensOnce } from './admin-client.ts';
import { type Authority, fromSignIn, fromToken } from './authority.ts';
import { boundToCertificate } from './binding.ts';
import { nothingToRebind, proveSecondKey } from './second-key.ts';

export interface ProveDependencies {
  readonly configuration: CurrentConfiguration;
  readonly verifier: IdTokenVerifier;
  readonly dpop: Dpop;
  readonly proveToken: ReturnType<typeof createTokenProver>;
  readonly audit: Audited['audit'];
  readonly now: () => Date;
}

/** Who is proven, for which app, with which key. */
export interface Proven {
  readonly app: App;
  readonly authority: Authority;
  readonly jkt: string | undefined;
  readonly proofs: readonly SeenProof[];
}

/**
 * 1. Prove whom the credential in `Authorization` speaks for: an ID token of a trusted issuer, or a
 * Daypass token of the same app.
 *
 * @param named what the request says of it; without `appId`, the token names the app.
 * @throws {OAuthError} `invalid_token`, reading alike for whatever is wrong with the token.
 */
export const createProver =
  (dependencies: ProveDependencies) =>
  (credential: PresentedCredential, named: Named): Promise<Proven> =>
    opaqueKind(credential.value) === undefined
      ? proveSignIn(dependencies, credential, named)
      : proveHolder(dependencies, credential, named);

/** What the body of a request says beside its credential. */
export interface Named {
  readonly appId: string | undefined;
  /** Of the key that what is issued is to be bound to, where that is not the presented token's. */
  readonly bindingProof: string | undefined;
}

const proveHolder = async (
  dependencies: ProveDependencies,
  credential: PresentedCredential,
  { appId, bindingProof }: Named,
): Promise<Proven> => {
  const { configuration, proveToken, dpop, now } = dependencies;
  const { token, proof } = await proveToken(credential, false);
  const app = await underConfiguration(configuration, ({ index }) => {
    const found = index.app(token.appId);
    if (!found) throw unproven('the app of the token is gone');
    return found;
  });
  if (appId !== undefined && appId !== app.id) {
    throw await onRecord(dependencies, otherApp(), holder(token, credential.context), proof);
  }
  // An unbound token may be narrowed into a bound one, never the other way.
  const key = proof ?? proveNewKey(dpop, credential, now());
  if (key && token.binding?.method === 'mtls') {
    throw await onRecord(
      dependencies,
      boundToCertificate(),
      holder(token, credential.context),
      key,
    );
  }
  const proven = { app, authority: fromToken(token), jkt: key?.jkt, proofs: seen(key) };
  if (bindingProof === undefined) return proven;
  try {
    const bound = token.binding && proof && { token: credential.value, proof };
    const second = proveSecondKey(dpop, bindingProof, bound, credential, now());
    return { ...proven, jkt: second.jkt, proofs: [...proven.proofs, ...seen(second)] };
  } catch (error) {
    throw await onRecord(dependencies, error, holder(token, credential.context), key);
  }
};

/** A proof beside a bearer credential: the key that what is issued will be bound to. */
const proveNewKey = (
  dpop: Dpop,
  { proof, method, url }: PresentedCredential,
  now: Date,
): Proof | undefined =>
  proof === undefined ? undefined : dpop.verify(proof, { method, url, beside: 'request' }, now);

const proveSignIn = async (
  dependencies: ProveDependencies,
  credential: PresentedCredential,
  { appId, bindingProof }: Named,
): Promise<Proven> => {
  const { configuration, verifier, dpop, now } = dependencies;
  if (credential.scheme !== 'bearer') throw unproven('an ID token is a bearer token');
  const proof = proveNewKey(dpop, credential, now());
  const signIn = await verifier.verify(credential.value, now());
  const party = await appOf(configuration, signIn, appId).catch(async (error: unknown) => {
    throw await onRecord(dependencies, error, personOf(signIn, credential.context), proof);
  });
  if (bindingProof !== undefined) {
    throw await onRecord(
      dependencies,
      nothingToRebind(),
      personOf(signIn, credential.context),
      proof,
    );
  }
  return { ...party, jkt: proof?.jkt, proofs: seen(proof) };
};

/** Whose token is good and who names an app it is not for: told so, and on record. */
const onRecord = async (
  { audit, now }: ProveDependencies,
  error: unknown,
  known: Partial<AuditRecord>,
  proof: Proof | undefined,
): Promise<unknown> => {
  const isUnproven = error instanceof OAuthError && error.status === 401;
  const event = { ...known, action: 'token.issue' };
  if (!isUnproven) await recordRefusal({ audit, now }, error, event, seen(proof));
  return error;
};

const personOf = (
  { tenant, issuer, userId }: SignIn,
  { ip, traceId, requestId }: RequestContext,
): Partial<AuditRecord> => ({ tenantId: tenant, issuer, userId, ip, traceId, requestId });

/** The app an ID token was issued to, and nobody else (the confused-deputy case). */
export const appOf = async (
  configuration: CurrentConfiguration,
  signIn: SignIn,
  appId: string | undefined,
): Promise<Party> =>
  appId === ADMIN_CLIENT
    ? adminSignIn(signIn)
    : underConfiguration(configuration, (inForce) => partyOf(inForce, signIn, appId));

type Party = Pick<Proven, 'app' | 'authority'>;

/**
 * What was found of a sign-in the last time. It is a function of the sign-in, the configuration and the app named: the
 * same three have the same answer.
 */
const found = new WeakMap<
  SignIn,
  { readonly under: InForce; readonly appId: string | undefined; readonly party: Party }
>();

const partyOf = (inForce: InForce, signIn: SignIn, appId: string | undefined): Party => {
  const last = found.get(signIn);
  if (last?.under === inForce && last.appId === appId) return last.party;
  const party = findParty(inForce, signIn, appId);
  found.set(signIn, { under: inForce, appId, party });
  return party;
};

const findParty = (
  { index, deployment }: InForce,
  signIn: SignIn,
  appId: string | undefined,
): Party => {
  const app = index.appByAudience(signIn.issuerId, signIn.party);
  // An app of another tenant and one that does not exist read alike.
  if (appId !== undefined && index.app(appId)?.tenant !== signIn.tenant) throw unknownApp();
  if (!app || (appId !== undefined && app.id !== appId))
    throw unproven('ID token of another party');
  if (app.tenant !== signIn.tenant) throw unproven('app of another tenant');
  return {
    app,
    authority: fromSignIn(forApps(signIn, deployment)),
  };
};

/** An ID token opens the admin door once; what it is good for there, `admit` says. */
const adminSignIn = (signIn: SignIn): Party => ({
  app: adminClientFor(signIn.tenant),
  authority: {
    // With the raw claims that admin rules look at, beside those that policy knows.
    ...fromSignIn(signIn),
    seen: [opensOnce(signIn)],
  },
});

const otherApp = (): OAuthError =>
  new OAuthError('invalid_request', 'the token belongs to another app', {
    violations: [
      {
        field: 'app_id',
        rule: 'same_app',
        message: 'a Daypass token can be narrowed by its own app only',
        remedy: 'leave app_id out, or name the app the token was issued to',
      },
    ],
  });

const unknownApp = (): OAuthError =>
  new OAuthError('invalid_request', 'no such app', {
    violations: [
      {
        field: 'app_id',
        rule: 'unknown_app',
        message: 'no app is registered under this id',
        remedy: 'leave app_id out, or ask the platform team to register the app',
      },
    ],
  });
