import type { SigningKeyRecord } from '../../ledger/signing-keys.ts';
import { type KeySettings, readyAt, signsFrom } from './life-cycle.ts';

/** A key as administrators see it: never its private half, sealed or not. */
export interface KeyStatus extends Omit<SigningKeyRecord, 'sealed' | 'locked'> {
  /** Of a next key: when it has been published long enough, and when it will sign. */
  readonly readyAt?: Date;
  readonly signsFrom?: Date;
}

/** Each key with the times that follow from its state and the settings in force. */
export const statusOf = (
  records: readonly SigningKeyRecord[],
  settings: KeySettings,
): readonly KeyStatus[] =>
  records.map(({ sealed: _, locked, ...key }) => {
    if (locked && key.state !== 'retired') return { ...key, state: 'revoked' };
    if (key.state !== 'next') return key;
    const next = { ...key, locked };
    const active = records.find(({ alg, state }) => alg === key.alg && state === 'active');
    return {
      ...key,
      readyAt: readyAt(next, settings),
      signsFrom: signsFrom(next, active, settings),
    };
  });
