import { createAdminDoor } from '../broker/admin.ts';
import type { CurrentConfiguration } from '../broker/configuration.ts';
import { createChange } from '../broker/configure/change.ts';
import { createClientSecrets } from '../broker/configure/client-secrets.ts';
import type { Configure } from '../broker/configure/configure.ts';
import { createEntries } from '../broker/configure/entries.ts';
import { createRequestCredentials } from '../broker/credentials/request-credentials.ts';
import { createDeleteObject, createListObjects } from '../broker/download/objects.ts';
import { createRedeemTicket } from '../broker/download/redeem-ticket.ts';
import { createRequestDownload } from '../broker/download/request-download.ts';
import { claimAttribute } from '../broker/exchange/admin-client.ts';
import { createMint } from '../broker/exchange/answer.ts';
import { createDecide } from '../broker/exchange/decide.ts';
import { createDryRun } from '../broker/exchange/dry-run.ts';
import { createExchange } from '../broker/exchange/exchange.ts';
import { createHear } from '../broker/exchange/hear.ts';
import { createProver } from '../broker/exchange/prove.ts';
import { createActorProver } from '../broker/exchange/prove-actor.ts';
import { createTokenEndpointProver } from '../broker/exchange/prove-subject.ts';
import { createFindToken } from '../broker/find-token.ts';
import { createTokenProver } from '../broker/held-token.ts';
import { createIntrospect } from '../broker/introspection/introspect.ts';
import { createSignIntrospection } from '../broker/introspection/signed-introspection.ts';
import { createOversight } from '../broker/oversight.ts';
import { createRegister } from '../broker/registration/register.ts';
import { createRequestPace } from '../broker/request-pace.ts';
import { createFollow } from '../broker/revocation/follow.ts';
import { createLift, createRevoke } from '../broker/revocation/revoke.ts';
import { createRevokeOwn } from '../broker/revocation/revoke-own.ts';
import { createStatusList } from '../broker/revocation/status-list.ts';
import { createVerifierProver } from '../broker/revocation/verifier.ts';
import { shieldPaces } from '../broker/shielded-paces.ts';
import { shieldQuotas } from '../broker/shielded-quotas.ts';
import { createTokenStatuses } from '../broker/sign-in/refresh-status.ts';
import { createCompleteUpload, createUploadStatus } from '../broker/upload/complete-upload.ts';
import { createOverseeUploads } from '../broker/upload/oversee-uploads.ts';
import { createPartPoller } from '../broker/upload/part-poller.ts';
import { createRequestParts } from '../broker/upload/request-parts.ts';
import { createRequestUpload } from '../broker/upload/request-upload.ts';
import { createSettleBytes } from '../broker/upload/settle-bytes.ts';
import { createSweepStaging } from '../broker/upload/sweep-staging.ts';
import { createUploadPoller } from '../broker/upload/upload-poller.ts';
import { createValidateUpload } from '../broker/upload/validate-upload.ts';
import type { Deployment } from '../config/deployment.ts';
import { createFetch, type Fetch } from '../egress/fetch.ts';
import { createAccessTokenReader } from '../identity/access-token.ts';
import { createDpop, createNonces, type Nonces } from '../identity/dpop.ts';
import { createIdTokenVerifier, type TrustedIssuer } from '../identity/verifier.ts';
import type { Inspector } from '../inspection/inspector.ts';
import type { PostgresLedger } from '../ledger/postgres/postgres-ledger.ts';
import { loadBundle } from '../policy/cedar/bundle.ts';
import { createCedarEngine } from '../policy/cedar/cedar-engine.ts';
import { createMemo } from '../policy/memo.ts';
import { createEventUseCases } from './events.ts';
import { createKeyUseCases, type Signing } from './keys.ts';
import { POLICIES } from './policies.ts';
import type { Secrets } from './secrets.ts';
import { createSignInUseCases } from './sign-in.ts';
import type { Stores } from './stores.ts';

export interface BrokerParts {
  readonly issuer: string;
  readonly production: boolean;
  readonly ledger: PostgresLedger;
  readonly configuration: CurrentConfiguration;
  readonly configure: Configure;
  readonly signing: Signing;
  readonly secrets: Secrets;
  readonly stores: Stores;
  readonly inspect: Inspector['inspect'];
  readonly contentOrigin: () => string;
  /** The value of a variable that the configuration names. */
  readonly secret: (name: string) => string | undefined;
  /** Calls out for the keys that clouds sign events with; absent: as all other calls. */
  readonly fetchForEvents: Fetch | undefined;
  readonly onError: (error: unknown) => void;
}

/** Every use case, with the adapters it runs on. */
export const createBroker = (parts: BrokerParts) => {
  const { issuer, ledger, configuration, signing, stores, contentOrigin, onError } = parts;
  const { keys } = signing;
  const now = ledger.clock.now;
  const policy = createMemo(createCedarEngine(loadBundle(POLICIES)));
  const nonces = noncesOf(parts.secrets.nonces);
  const dpop = createDpop({ nonces });
  const fetch = createFetch({ allowLoopback: !parts.production });
  const issuers = trustedIssuers(configuration);
  const verifier = createIdTokenVerifier({ issuers, fetch });
  const { tokens, audit } = ledger;
  const proveToken = createTokenProver({ tokens, audit, configuration, dpop, now });

  const base = { configuration, policy, now, issuer, stores: stores.of, contentOrigin };
  const all = { ...base, ...ledger, quotas: shieldQuotas(ledger.quotas) };
  const pace = createRequestPace({ ...base, paces: shieldPaces(ledger.paces) });
  const validate = createValidateUpload({ ...all, inspect: parts.inspect });
  const settleBytes = createSettleBytes(all);
  const poller = createUploadPoller({ ...all, validate, settleBytes, onError });
  const wake = (): void => void poller.validateArrived().catch(onError);
  const decide = createDecide(base);
  const mint = createMint({
    keys: { signer: keys.signer, follow: signing.follow },
    statusPlaces: ledger.statusPlaces,
    issuer,
  });
  const exchange = createExchange({ ...all, decide, mint, pace });
  const people = createSignInUseCases({ ...parts, keys, decide, exchange });
  const following = createFollow({ feed: ledger.feed });
  const readAccessToken = createAccessTokenReader({
    issuer,
    published: () => keys.published().keys,
  });
  const change = createChange({
    configure: parts.configure,
    configuration,
    configurations: ledger.configurations,
  });
  const findToken = createFindToken({ ...all, readAccessToken });

  return {
    verifier,
    nonce: () => nonces.issue(now()),
    policy,
    poller,
    pace,
    proveToken,
    prove: createProver({ configuration, verifier, dpop, proveToken, audit: ledger.audit, now }),
    tokenEndpointProver: createTokenEndpointProver({
      ...all,
      verifier,
      dpop,
      proveActor: createActorProver({ ...all, verifier, findToken }),
    }),
    hear: createHear(all),
    exchange,
    dpop,
    ...people,
    dryRun: createDryRun({ ...all, decide, pace }),
    requestUpload: createRequestUpload(all),
    requestParts: createRequestParts(all),
    partPoller: createPartPoller({ ...all, onError }),
    sweepStaging: createSweepStaging({
      ...all,
      buckets: () => configuration.get().deployment.buckets.map(({ id }) => id),
      onError,
    }),
    uploadStatus: createUploadStatus(all),
    completeUpload: createCompleteUpload({ ...all, wake }),
    ...createOverseeUploads({ ...all, settleBytes, onError }),
    ...createEventUseCases({ ...all, wake, secret: parts.secret }, parts.fetchForEvents ?? fetch),
    requestDownload: createRequestDownload(all),
    requestCredentials: createRequestCredentials(all),
    redeemTicket: createRedeemTicket(all),
    listObjects: createListObjects(all),
    deleteObject: createDeleteObject(all),
    adminDoor: createAdminDoor({ configuration, policy, issuer, now }),
    signIntrospection: createSignIntrospection({ signer: keys.signer, issuer, now }),
    ...createTokenStatuses({
      ...all,
      ...people,
      introspect: createIntrospect({ ...all, findToken }),
      revokeOwn: createRevokeOwn({ ...all, findToken }),
    }),
    ...createKeyUseCases(signing, ledger),
    revoke: createRevoke(all),
    proveVerifier: createVerifierProver(all),
    statusList: createStatusList({ ...all, keys: { signer: keys.signer, follow: signing.follow } }),
    follow: following.follow,
    stopFollowing: following.stop,
    lift: createLift(all),
    ...createOversight({ ...all, configure: parts.configure }),
    ...createEntries({ ...all, change }),
    ...createClientSecrets({ change, now }),
    register: createRegister({ ...all, change }),
  };
};

export type Broker = ReturnType<typeof createBroker>;

/** Made of the first secret, recognised by each: instances whose secret has changed and those to come agree. */
const noncesOf = ([newest, ...others]: Secrets['nonces']): Nonces => {
  const current = createNonces(newest);
  const known = [current, ...others.map(createNonces)];
  const age = (nonce: string, at: Date): number | undefined => {
    for (const nonces of known) {
      const found = nonces.age(nonce, at);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return { issue: current.issue, age };
};

/** The issuers in force, each with what admin rules look at beside what policy does. Computed per version. */
const trustedIssuers = (configuration: CurrentConfiguration): (() => readonly TrustedIssuer[]) => {
  let known:
    | { readonly deployment: Deployment; readonly issuers: readonly TrustedIssuer[] }
    | undefined;
  return () => {
    const { deployment } = configuration.get();
    if (known?.deployment !== deployment) known = { deployment, issuers: toTrusted(deployment) };
    return known.issuers;
  };
};

const toTrusted = ({ issuers, admins }: Deployment): readonly TrustedIssuer[] =>
  issuers
    .filter(({ enabled }) => enabled)
    .map((issuer) => ({
      id: issuer.id,
      issuer: issuer.issuer,
      tenant: issuer.tenant,
      // An admin's own sign-in is for Daypass itself, whether or not apps' audiences name it.
      audiences: [...issuer.audiences, ...(issuer.sign_in ? [issuer.sign_in.client_id] : [])],
      algorithms: issuer.algorithms,
      maxIdTokenAge: issuer.max_id_token_age,
      claims: {
        ...issuer.claims,
        ...Object.fromEntries(
          admins
            .filter((rule) => rule.issuer === issuer.id)
            .map(({ claim }) => [claimAttribute(claim), claim]),
        ),
      },
    }));
