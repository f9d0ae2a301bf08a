import type { JsonWebKey } from 'node:crypto';
import type { Custody } from '../../keys/custody.ts';
import type { Signer } from '../../keys/signer.ts';
import type { SigningKeyRecord, SigningKeys } from '../../ledger/signing-keys.ts';
import { unavailable } from '../../protocol/oauth-error.ts';
import type { SigningAlgorithm } from '../../protocol/signing-algorithm.ts';

/** The key set as verifiers may read it, and for how many seconds they may believe it. */
export interface PublishedKeys {
  readonly keys: readonly JsonWebKey[];
  readonly maxAge: number;
}

/** The signing keys in force, as this instance last read them. */
export interface CurrentKeys {
  /** @throws {OAuthError} `temporarily_unavailable` where no key of `alg` is active, or it does not open. */
  signer(alg?: SigningAlgorithm): Signer;
  /** Every key that a live token may be signed with, and the one that will sign next. */
  published(): PublishedKeys;
  /** A published key; undefined where tokens that name it are no tokens of ours, or not any more. */
  verifying(kid: string): JsonWebKey | undefined;
  /** Comes at once where they were read within the last three seconds; asks the database otherwise. */
  confirm(): Promise<void>;
  /** Reads them in any case. @throws {OAuthError} `temporarily_unavailable` */
  refresh(): Promise<readonly SigningKeyRecord[]>;
}

export interface CurrentKeysDependencies {
  readonly signingKeys: Pick<SigningKeys, 'live'>;
  /** By the name it was written down under. @throws Error where there is no such custody */
  readonly custodyOf: (name: string) => Pick<Custody, 'open'>;
  /** Seconds a key is published before it signs. */
  readonly publishAhead: () => number;
  /** Milliseconds since some moment; never goes back. */
  readonly elapsed: () => number;
}

/** Seconds. A set is not believed longer than this, however far ahead keys are published. */
const LONGEST = 300;

/**
 * The part of `publishAhead` after which no copy of the set is left, counted from when it was read. The rest is
 * for what lies between the moment a key bears and the commit that others can read, and for clocks.
 */
const ENDS_BY = 0.75;

/** Milliseconds that what was read is believed: it is read each second, so this bears a slow answer or two. */
const BELIEVED = 3_000;

export const createCurrentKeys = (dependencies: CurrentKeysDependencies): CurrentKeys => {
  const { signingKeys, custodyOf, publishAhead, elapsed } = dependencies;
  let live: readonly SigningKeyRecord[] = [];
  let readAt = Number.NEGATIVE_INFINITY;
  let signers: ReadonlyMap<SigningAlgorithm, Signer | Error> = new Map();
  let reading: Promise<readonly SigningKeyRecord[]> | undefined;

  const read = async (): Promise<readonly SigningKeyRecord[]> => {
    // What is read was so when we asked, at the latest: a slow answer is old when it comes.
    const asked = elapsed();
    const found = await signingKeys.live();
    if (asked < readAt) return live; // overtaken by a later answer
    // Leans closed: what a revocation names is gone at once, whoever gets to write that down.
    live = sameKeys(
      found.filter(({ locked }) => !locked),
      live,
    );
    signers = openActive(live, signers, custodyOf);
    readAt = asked;
    return found;
  };

  return {
    signer: (alg = 'ES256') => {
      const signer = signers.get(alg);
      if (signer === undefined) throw unavailable(`no signing key for ${alg} is active`);
      if (signer instanceof Error) throw unavailable(signer.message, signer);
      return signer;
    },
    // A set that was read a while ago ends as early as one handed out then: whoever reads it from an instance
    // that is cut off hears of a new key no later than others do.
    published: () => {
      const ahead = publishAhead();
      const age = Math.ceil((elapsed() - readAt) / 1000);
      const maxAge = Math.max(
        0,
        Math.min(LONGEST, Math.floor(ahead / 2), Math.floor(ahead * ENDS_BY) - age),
      );
      return { keys: live.map(({ publicJwk }) => publicJwk), maxAge };
    },
    verifying: (wanted) => live.find(({ kid }) => kid === wanted)?.publicJwk,
    confirm: async () => {
      if (elapsed() - readAt <= BELIEVED) return;
      reading ??= read().finally(() => {
        reading = undefined;
      });
      await reading;
    },
    refresh: read,
  };
};

/** A public key that was there stays the same object: whoever has imported it need not do so each second. */
const sameKeys = (
  found: readonly SigningKeyRecord[],
  before: readonly SigningKeyRecord[],
): readonly SigningKeyRecord[] =>
  found.map((key) => {
    const known = before.find(({ kid }) => kid === key.kid);
    return known ? { ...key, publicJwk: known.publicJwk } : key;
  });

/** Signers of the active keys; those that were open stay so. What does not open is told when it is asked for. */
const openActive = (
  live: readonly SigningKeyRecord[],
  before: ReadonlyMap<SigningAlgorithm, Signer | Error>,
  custodyOf: CurrentKeysDependencies['custodyOf'],
): ReadonlyMap<SigningAlgorithm, Signer | Error> => {
  const open = (key: SigningKeyRecord): Signer | Error => {
    const known = before.get(key.alg);
    if (known && !(known instanceof Error) && known.kid === key.kid) return known;
    try {
      return custodyOf(key.custody).open(key);
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  };
  const active = live.filter(({ state }) => state === 'active');
  return new Map(active.map((key) => [key.alg, open(key)]));
};
