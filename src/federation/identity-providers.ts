import {
  allowInsecureRequests,
  ClientSecretBasic,
  Configuration,
  clockTolerance,
  customFetch,
  discovery,
  None,
  type ServerMetadata,
} from 'openid-client';
import type { Fetch } from '../egress/fetch.ts';
import { cannotBeAsked } from './refusals.ts';
import { throughEgress } from './through-egress.ts';

/** An IdP that people may sign in through, and what Daypass is to it. */
export interface FederatedIssuer {
  readonly id: string;
  /** The exact `iss` value; metadata must say the same, letter by letter. */
  readonly issuer: string;
  readonly clientId: string;
  /** Sent by `client_secret_basic`; undefined for a public client. */
  readonly clientSecret: string | undefined;
}

const MINUTE = 60_000;
/** From this age on, metadata is fetched anew. */
const REFRESH_AFTER = 10 * MINUTE;
/** Until this age it serves where it cannot be: an IdP's endpoints hardly ever move. */
const BELIEVED_FOR = 60 * MINUTE;
/** The least time between two attempts that fail: whoever begins sign-ins does not decide how often we call out. */
const RETRY_AFTER = 2_000;

/**
 * Seconds. Whether an ID token holds now is judged once, by the ledger's clock (identity/verifier): the
 * library's own look, by this machine's, is not to refuse what that one accepts.
 */
const NOT_THE_LIBRARYS_TO_JUDGE = 24 * 60 * 60;

interface Entry {
  metadata: ServerMetadata | undefined;
  from: number;
  failedAt: number;
  pending: Promise<void> | undefined;
}

const unknown = (): Entry => ({
  metadata: undefined,
  from: Number.NEGATIVE_INFINITY,
  failedAt: Number.NEGATIVE_INFINITY,
  pending: undefined,
});

const isHttp = (url: string): boolean => URL.parse(url)?.protocol === 'http:';

/**
 * @throws Error for metadata of another issuer (OpenID Connect Discovery §4.3), and for endpoints that a
 *   browser or a secret must not be sent to.
 */
const mustBeItsOwn = (metadata: ServerMetadata, issuer: string): void => {
  // The library compares URLs, and makes exceptions for some vendors; `iss` is compared as text.
  if (metadata.issuer !== issuer) throw new Error('metadata names another issuer');
  const { authorization_endpoint, token_endpoint, end_session_endpoint } = metadata;
  const safe = isHttp(issuer) ? ['https:', 'http:'] : ['https:'];
  const leads = [authorization_endpoint, token_endpoint, end_session_endpoint ?? issuer];
  for (const endpoint of leads) {
    const scheme = URL.parse(endpoint ?? '')?.protocol ?? '';
    if (!safe.includes(scheme)) throw new Error('metadata without endpoints that may be used');
  }
};

/** What is known of the IdPs: metadata, cached. */
export const createIdentityProviders = ({
  fetch,
  now,
}: {
  readonly fetch: Fetch;
  readonly now: () => Date;
}) => {
  const calls = throughEgress(fetch);
  const entries = new Map<string, Entry>();

  const optionsFor = (issuer: string) => ({
    [customFetch]: calls,
    // egress/ lets http reach loopback in development, and nothing else ever.
    execute: isHttp(issuer) ? [allowInsecureRequests] : [],
  });

  const load = async (issuer: string, entry: Entry): Promise<void> => {
    try {
      const found = await discovery(new URL(issuer), '-', {}, None(), optionsFor(issuer));
      const metadata = found.serverMetadata();
      mustBeItsOwn(metadata, issuer);
      entry.metadata = metadata;
      entry.from = now().getTime();
    } catch (error) {
      entry.failedAt = now().getTime();
      if (age(entry.from) >= BELIEVED_FOR) throw cannotBeAsked('metadata', error);
    } finally {
      entry.pending = undefined;
    }
  };

  /** Absolute, so that a clock set back makes things old rather than eternally young. */
  const age = (from: number): number => Math.abs(now().getTime() - from);

  const metadataOf = async (issuer: string): Promise<ServerMetadata> => {
    const entry = entries.get(issuer) ?? unknown();
    entries.set(issuer, entry);
    const isDue = age(entry.from) >= REFRESH_AFTER && age(entry.failedAt) >= RETRY_AFTER;
    if (isDue) entry.pending ??= load(issuer, entry);
    await entry.pending;
    if (entry.metadata && age(entry.from) < BELIEVED_FOR) return entry.metadata;
    throw cannotBeAsked('metadata, a moment ago');
  };

  /**
   * An IdP as openid-client knows it.
   *
   * @throws {OAuthError} `temporarily_unavailable` when its metadata cannot be had, or is not its own.
   */
  return async ({ issuer, clientId, clientSecret }: FederatedIssuer): Promise<Configuration> => {
    const metadata = await metadataOf(issuer);
    const auth = clientSecret === undefined ? None() : ClientSecretBasic(clientSecret);
    const client = { [clockTolerance]: NOT_THE_LIBRARYS_TO_JUDGE };
    const configuration = new Configuration(metadata, clientId, client, auth);
    const { [customFetch]: through, execute } = optionsFor(issuer);
    configuration[customFetch] = through;
    for (const extension of execute) extension(configuration);
    return configuration;
  };
};
