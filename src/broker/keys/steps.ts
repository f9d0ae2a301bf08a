import type { Custody, MadeKey } from '../../keys/custody.ts';
import type { Holder } from '../../ledger/ledger.ts';
import type { AuditRecord } from '../../ledger/records.ts';
import type { KeyMove, SigningKeyRecord, SigningKeys } from '../../ledger/signing-keys.ts';
import type { SigningAlgorithm } from '../../protocol/signing-algorithm.ts';
import type { CurrentKeys } from './current-keys.ts';
import type { Due, KeySettings } from './life-cycle.ts';

export interface KeyDependencies {
  readonly signingKeys: SigningKeys;
  readonly keys: CurrentKeys;
  /** Makes new keys. */
  readonly custody: () => Custody;
  readonly custodyOf: (name: string) => Custody;
  readonly settings: () => KeySettings;
  /** Those that tokens are signed with under the configuration in force. */
  readonly algorithms: () => readonly SigningAlgorithm[];
  readonly now: () => Date;
  readonly onError: (error: unknown) => void;
}

/** Who is behind a step. */
export interface StepBy {
  /** A user id; `schedule` for what a broker does of its own accord. */
  readonly by: string;
  readonly reason?: string | undefined;
  readonly known?: Partial<AuditRecord>;
  readonly holder?: Holder | undefined;
}

const ACTIONS = {
  active: 'key.activate',
  retiring: 'key.retire',
  retired: 'key.unpublish',
  revoked: 'key.revoke',
} as const satisfies Record<KeyMove['to'], string>;

/**
 * Takes a step: makes the keys it wants, writes it all down with an audit event for each change, and reads the
 * result. False where another instance was quicker; the keys made for nothing are given up.
 */
export const createTakeStep = (dependencies: KeyDependencies) => {
  const { signingKeys, keys, custody, custodyOf, now, onError } = dependencies;

  const discard = async (
    gone: readonly Pick<SigningKeyRecord, 'kid' | 'alg' | 'custody' | 'sealed'>[],
  ) => {
    for (const key of gone) {
      // Best effort: it is out of use whether or not an external signer hears of it.
      await Promise.try(() => custodyOf(key.custody).discard?.(key)).catch(onError);
    }
  };

  return async (
    alg: SigningAlgorithm,
    { moves, makes }: Due,
    live: readonly SigningKeyRecord[],
    { by, reason, known = {}, holder }: StepBy,
  ): Promise<boolean> => {
    if (moves.length + makes.length === 0) return false;
    const made: MadeKey[] = [];
    for (const _ of makes) made.push(await custody().make(alg));
    const at = now();
    const adds = makes.flatMap((state, index) => {
      const key = made[index];
      return key ? [{ ...key, state }] : [];
    });
    const event = (action: string, kid: string, state: string): AuditRecord => ({
      ...known,
      at,
      action,
      outcome: 'granted',
      detail: { kid, alg, state, by, ...(reason !== undefined && { reason }) },
    });
    const done = await signingKeys.step({
      at,
      moves,
      adds,
      holder,
      audit: [
        ...moves.map(({ kid, to }) => event(ACTIONS[to], kid, to)),
        ...adds.map(({ kid, state }) => event('key.create', kid, state)),
      ],
    });
    const ended = moves.filter(({ to }) => to === 'retired' || to === 'revoked');
    await discard(done ? live.filter(({ kid }) => ended.some((move) => move.kid === kid)) : made);
    await keys.refresh();
    return done;
  };
};

export type TakeStep = ReturnType<typeof createTakeStep>;
