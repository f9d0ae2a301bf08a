import type { Tokens } from '../../ledger/ledger.ts';
import type { SigningKeyRecord, SigningKeys } from '../../ledger/signing-keys.ts';
import type { Admin } from '../admin.ts';
import { createWhileHeld } from '../while-held.ts';
import { type KeySettings, readyAt, signsFrom } from './life-cycle.ts';

/** A key as administrators see it: never its private half, sealed or not. */
export interface KeyStatus extends Omit<SigningKeyRecord, 'sealed' | 'locked'> {
  /** Of a next key: when it has been published long enough, and when it will sign. */
  readonly readyAt?: Date;
  readonly signsFrom?: Date;
}

export interface ListKeysDependencies {
  readonly signingKeys: Pick<SigningKeys, 'list'>;
  readonly settings: () => KeySettings;
  readonly tokens: Pick<Tokens, 'recheck'>;
}

/** All keys, newest first, for an administrator whose token still holds. */
export const createListKeys = (dependencies: ListKeysDependencies) => {
  const { signingKeys, settings } = dependencies;
  const whileHeld = createWhileHeld(dependencies);
  return (admin: Admin): Promise<readonly KeyStatus[]> =>
    whileHeld(admin, async () => statusOf(await signingKeys.list(), settings()));
};

/** Each key with the times that follow from its state and the settings in force. */
export const statusOf = (
  records: readonly SigningKeyRecord[],
  settings: KeySettings,
): readonly KeyStatus[] =>
  records.map(({ sealed: _, locked, ...known }) => {
    const isRevoked = known.state === 'revoked' || (locked && known.state !== 'retired');
    // It left the key set when it was revoked, whatever had been meant before.
    if (isRevoked) return { ...known, state: 'revoked', publishUntil: undefined };
    const key = known;
    if (key.state !== 'next') return key;
    const next = { ...key, locked };
    const active = records.find(({ alg, state }) => alg === key.alg && state === 'active');
    return {
      ...key,
      readyAt: readyAt(next, settings),
      signsFrom: signsFrom(next, active, settings),
    };
  });
