import type { KeyObject } from 'node:crypto';
import { unavailable, unproven } from '../protocol/oauth-error.ts';
import { parseJsonObject } from './jwt.ts';
import { type IssuerKey, pickKey, readKeySet } from './key-set.ts';

/** Calls out, or rejects. Which addresses, how long and how much is `egress/`'s to say. */
export type Fetch = (url: string) => Promise<{ readonly status: number; readonly body: Buffer }>;

export interface WantedKey {
  readonly alg: string;
  readonly kid: string | undefined;
}

const SECOND = 1000;
/** From this age on, keys are fetched anew while the old ones still serve. */
const REFRESH_AFTER = 5 * 60 * SECOND;
/** At this age keys are no longer believed: a key its owner withdrew may be in the wrong hands. */
const BELIEVED_FOR = 15 * 60 * SECOND;
/** The least time between two fetches, so that a flood of made-up `kid`s is not passed on to the issuer. */
const FETCH_INTERVAL = 30 * SECOND;
/** How long an issuer's `jwks_uri` is believed while it serves. */
const DISCOVERED_FOR = 60 * 60 * SECOND;

/** What is known of one issuer's keys. Times are epoch milliseconds, of the `now` callers pass. */
interface Entry {
  keys: readonly IssuerKey[];
  keysFrom: number;
  jwksUri: string | undefined;
  discoveredFrom: number;
  attemptedAt: number;
  failures: number;
  pending: Promise<void> | undefined;
}

const unknownIssuer = (): Entry => ({
  keys: [],
  keysFrom: Number.NEGATIVE_INFINITY,
  jwksUri: undefined,
  discoveredFrom: Number.NEGATIVE_INFINITY,
  attemptedAt: Number.NEGATIVE_INFINITY,
  failures: 0,
  pending: undefined,
});

/** Absolute, so that a clock set back makes things old rather than eternally young. */
const age = (from: number, now: number): number => Math.abs(now - from);

/** Without keys we try again soon, then ever less often; with keys there is no hurry. */
const intervalOf = (entry: Entry, now: number): number =>
  age(entry.keysFrom, now) < BELIEVED_FOR
    ? FETCH_INTERVAL
    : Math.min(FETCH_INTERVAL, SECOND * 2 ** (entry.failures - 1));

const get = async (fetch: Fetch, url: string): Promise<Buffer> => {
  const { status, body } = await fetch(url);
  if (status !== 200) throw new Error(`answered ${status}`);
  return body;
};

/** OpenID Connect Discovery §4.3: metadata that names another issuer is another issuer's. */
const discover = async (fetch: Fetch, issuer: string): Promise<string> => {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const metadata = parseJsonObject(await get(fetch, url));
  if (metadata?.issuer !== issuer) throw new Error('metadata names another issuer');
  if (typeof metadata.jwks_uri !== 'string') throw new Error('metadata without jwks_uri');
  return metadata.jwks_uri;
};

/**
 * The signing keys of trusted issuers, cached: found by discovery, never through a token.
 *
 * A fetch that fails, or brings rubbish, leaves the cache as it was.
 */
export const createIssuerKeys = ({ fetch }: { readonly fetch: Fetch }) => {
  const entries = new Map<string, Entry>();

  const entryOf = (issuer: string): Entry => {
    const entry = entries.get(issuer) ?? unknownIssuer();
    entries.set(issuer, entry);
    return entry;
  };

  const load = async (issuer: string, entry: Entry, now: number): Promise<void> => {
    try {
      if (entry.jwksUri === undefined || age(entry.discoveredFrom, now) >= DISCOVERED_FOR) {
        entry.jwksUri = await discover(fetch, issuer);
        entry.discoveredFrom = now;
      }
      entry.keys = readKeySet(await get(fetch, entry.jwksUri));
      entry.keysFrom = now;
      entry.failures = 0;
    } catch {
      // The keys may have moved: ask again where they are.
      entry.jwksUri = undefined;
      entry.failures += 1;
    } finally {
      entry.pending = undefined;
    }
  };

  /** Resolves when a fetch that is due or under way is over; at once where none may be made. Never rejects. */
  const refresh = async (issuer: string, entry: Entry, now: number): Promise<void> => {
    if (!entry.pending && age(entry.attemptedAt, now) >= intervalOf(entry, now)) {
      entry.attemptedAt = now;
      entry.pending = load(issuer, entry, now);
    }
    await entry.pending;
  };

  const mustBeBelieved = (entry: Entry, now: number): void => {
    if (age(entry.keysFrom, now) >= BELIEVED_FOR) throw unavailable('issuer keys cannot be had');
  };

  return {
    /**
     * The key that fits. No call out and no wait while it is cached.
     *
     * @throws {OAuthError} `temporarily_unavailable` when the issuer's keys cannot be had, or might
     *   include this one if they could; `invalid_token` when the issuer has no such key.
     */
    async find(issuer: string, { alg, kid }: WantedKey, at: Date): Promise<KeyObject> {
      const now = at.getTime();
      const entry = entryOf(issuer);
      if (age(entry.keysFrom, now) >= BELIEVED_FOR) await refresh(issuer, entry, now);
      else if (age(entry.keysFrom, now) >= REFRESH_AFTER) void refresh(issuer, entry, now);
      mustBeBelieved(entry, now);

      const known = pickKey(entry.keys, alg, kid);
      if (known) return known;

      await refresh(issuer, entry, now);
      const fetched = pickKey(entry.keys, alg, kid);
      if (fetched) return fetched;
      throw entry.failures > 0
        ? unavailable('key is unknown and the issuer does not answer')
        : unproven('issuer has no such key');
    },
  };
};
