import { generateKeyPairSync } from 'node:crypto';
import type { ConfirmedConfiguration, InForce } from '../broker/configuration.ts';
import type { VouchDependencies } from '../broker/credentials/vouch.ts';
import { type CurrentKeys, createCurrentKeys } from '../broker/keys/current-keys.ts';
import { createFollowSchedule } from '../broker/keys/follow-schedule.ts';
import { heedRevocations } from '../broker/keys/heed-revocations.ts';
import { createListKeys } from '../broker/keys/list-keys.ts';
import { createRevokeKey } from '../broker/keys/revoke-key.ts';
import { createRotateKeys } from '../broker/keys/rotate-keys.ts';
import type { KeyDependencies } from '../broker/keys/steps.ts';
import type { Bucket, Keys } from '../config/deployment.ts';
import { createAwsKms } from '../keys/aws-kms/aws-kms.ts';
import type { Custody } from '../keys/custody.ts';
import { createSealedCustody } from '../keys/sealed-custody.ts';
import type { PostgresLedger } from '../ledger/postgres/postgres-ledger.ts';
import type { SigningAlgorithm } from '../protocol/signing-algorithm.ts';
import { awsCredentials } from './aws-credentials.ts';
import { assertionAlgorithm } from './s3-store.ts';

export interface SigningOptions {
  readonly ledger: PostgresLedger;
  readonly configuration: ConfirmedConfiguration;
  readonly keyEncryptionKeys: readonly [Buffer, ...Buffer[]];
  readonly secret: (name: string) => string | undefined;
  /** Milliseconds since some moment; never goes back. */
  readonly elapsed: () => number;
  readonly onError: (error: unknown) => void;
}

/** What the use cases of keys work with: the ring in force, and who makes and opens keys. */
const createKeyWork = (options: SigningOptions): KeyDependencies => {
  const { ledger, configuration, elapsed, onError } = options;
  const { signingKeys, clock } = ledger;
  const now = clock.now;
  const deployment = () => configuration.get().deployment;
  const local = createSealedCustody(options.keyEncryptionKeys);
  const external = createExternal(() => deployment().keys.signer, options.secret, now);
  const custodyOf = (name: string): Custody => {
    if (name === local.name) return local;
    const signer = external();
    if (signer?.name === name) return signer;
    throw new Error(`a signing key is kept by ${name}: name that signer under keys.signer`);
  };
  const publishAhead = (): number => deployment().keys.publish_ahead;
  return {
    signingKeys,
    keys: createCurrentKeys({ signingKeys, custodyOf, publishAhead, elapsed }),
    custody: () => (deployment().keys.signer?.new_keys ? (external() ?? local) : local),
    custodyOf,
    settings: () => ({
      rotateEvery: deployment().keys.rotate_every,
      publishAhead: publishAhead(),
      ceiling: deployment().limits.ttl.ceiling,
    }),
    algorithms: () => [
      ...new Set([
        'ES256' as const,
        ...deployment().resource_servers.map(({ token_alg }) => token_alg),
        ...deployment().buckets.map(vouchingAlgorithm),
      ]),
    ],
    now,
    onError,
  };
};

/** What a cloud that is shown a web identity believes it under; ES256 where none is. */
const vouchingAlgorithm = (bucket: Bucket): SigningAlgorithm => {
  if (!('web_identity' in bucket.credentials)) return 'ES256';
  if (bucket.provider === 's3') return assertionAlgorithm(bucket);
  // Microsoft Entra reads this one alone.
  return bucket.provider === 'azure' ? 'RS256' : 'ES256';
};

/** The external signer in force, made again when its settings change. */
const createExternal = (
  settings: () => Keys['signer'],
  secret: SigningOptions['secret'],
  now: () => Date,
): (() => Custody | undefined) => {
  let made: { readonly for: NonNullable<Keys['signer']>; readonly signer: Custody } | undefined;
  return () => {
    const wanted = settings();
    if (wanted === undefined) return undefined;
    if (made?.for !== wanted) {
      const { region, endpoint, credentials } = wanted;
      const signer = createAwsKms({
        region,
        endpoint,
        credentials: () => awsCredentials(credentials, secret),
        fetch,
        now,
      });
      made = { for: wanted, signer };
    }
    return made.signer;
  };
};

/** The keys in force, and how this instance stays with them. */
export interface Signing {
  readonly keys: CurrentKeys;
  /** A round: reads the keys, and takes whatever step is due. */
  readonly follow: () => Promise<void>;
  /** Whoever comes in is served under a configuration, and signed with keys, that are proven fresh (law 3). */
  readonly confirm: () => Promise<InForce>;
  /** Ends what was begun. */
  readonly stop: () => void;
  readonly work: KeyDependencies;
}

/**
 * Reads the keys, and makes the first ones where there are none.
 *
 * @throws Error naming the remedy where the key that signs does not open
 */
export const openSigning = async (options: SigningOptions): Promise<Signing> => {
  const { configuration } = options;
  const work = createKeyWork(options);
  const { keys, custodyOf } = work;
  const follow = createFollowSchedule(work);
  await follow();
  // What does not open is better known now than at the first token.
  for (const key of await keys.refresh()) {
    if (key.state === 'active' && !key.locked) custodyOf(key.custody).open(key);
  }
  const { ledger, onError } = options;
  const stop = heedRevocations({ feed: ledger.feed, follow, onError });
  const confirm = async (): Promise<InForce> => {
    await keys.confirm();
    return configuration.confirm();
  };
  return { keys, follow, confirm, stop, work };
};

/** The keys in force, for whoever signs beside the broker: read anew each time, and left as they are. */
export const readSigning = (options: SigningOptions): VouchDependencies['keys'] => {
  const { keys } = createKeyWork(options);
  return { signer: keys.signer, follow: async () => void (await keys.refresh()) };
};

/** What administrators do with keys. */
export const createKeyUseCases = ({ work }: Signing, ledger: PostgresLedger) => {
  const { audit, revocations, tokens } = ledger;
  const all = { ...work, audit, revocations, tokens };
  return {
    rotateKeys: createRotateKeys(all),
    revokeKey: createRevokeKey(all),
    listKeys: createListKeys(all),
  };
};

/** Seals anew what was sealed with a key encryption key that is going out of use. Returns how many it was. */
export const resealKeys = async (
  { signingKeys }: PostgresLedger,
  keyEncryptionKeys: readonly [Buffer, ...Buffer[]],
): Promise<number> => {
  const custody = createSealedCustody(keyEncryptionKeys);
  let resealed = 0;
  for (const key of await signingKeys.list()) {
    if (key.custody !== custody.name || key.sealed.length === 0) continue;
    const after = custody.reseal(key);
    if (after && (await signingKeys.reseal(key.kid, key.sealed, after))) resealed += 1;
  }
  return resealed;
};

/**
 * The authorization server library wants a private key of its own. It signs nothing that leaves the house, since
 * tokens are signed in broker/; so it gets one that is in no key set: whatever it did sign, nobody would believe.
 */
export const unpublishedKey = () => ({
  ...(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
    format: 'jwk',
  }) as { kty: 'EC'; crv: string; x: string; y: string; d: string }),
  use: 'sig',
  alg: 'ES256',
});
