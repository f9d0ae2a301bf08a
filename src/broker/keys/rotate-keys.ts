import type { SigningKeyRecord } from '../../ledger/signing-keys.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import type { SigningAlgorithm } from '../../protocol/signing-algorithm.ts';
import type { Admin } from '../admin.ts';
import { type AuditDraft, type Audited, audited } from '../audited.ts';
import { readyAt, succession } from './life-cycle.ts';
import { type KeyStatus, statusOf } from './list-keys.ts';
import { createTakeStep, type KeyDependencies, type TakeStep } from './steps.ts';

/** What came of asking for a rotation, algorithm by algorithm. */
export interface Rotation {
  readonly alg: SigningAlgorithm;
  /** `rotated`: the next key signs from now on. `scheduled`: it will, once it has been published long enough. */
  readonly outcome: 'rotated' | 'scheduled';
  /** The key that signs, or will. */
  readonly kid: string;
  readonly signsFrom: Date;
}

export interface RotationAnswer {
  readonly rotations: readonly Rotation[];
  readonly keys: readonly KeyStatus[];
}

/** Times a rotation is tried again after another instance was quicker. */
const TRIES = 5;

/**
 * Lets the next key of each algorithm sign: at once where it has been published long enough, else as soon as it
 * has. Forced, at once in any case: verifiers that hold an older key set and do not ask again for an unknown
 * key then refuse new tokens until their copy ends.
 */
export const createRotateKeys = (
  dependencies: KeyDependencies & Pick<Audited, 'audit'>,
): ((admin: Admin, force: boolean) => Promise<RotationAnswer>) => {
  const { signingKeys, keys, settings } = dependencies;
  const take = createTakeStep(dependencies);
  return (admin, force) =>
    audited(dependencies, 'key.rotate', admin.known, [], async (event) => {
      Object.assign(event, { detail: { now: force } } satisfies AuditDraft);
      const live = await keys.refresh();
      const rotations: Rotation[] = [];
      for (const alg of new Set(live.map((key) => key.alg)))
        rotations.push(await rotate(dependencies, take, admin, alg, force));
      return { rotations, keys: statusOf(await signingKeys.list(), settings()) };
    });
};

const rotate = async (
  dependencies: KeyDependencies,
  take: TakeStep,
  admin: Admin,
  alg: SigningAlgorithm,
  force: boolean,
): Promise<Rotation> => {
  const { keys, now } = dependencies;
  let before: string | undefined;
  for (let tries = 0; tries < TRIES; tries += 1) {
    const live = (await keys.refresh()).filter((key) => key.alg === alg);
    const [active, next] = [inPlace(live, 'active'), inPlace(live, 'next')];
    before ??= active?.kid;
    // Someone else rotated meanwhile: that is what was asked for.
    if (active && active.kid !== before)
      return { alg, outcome: 'rotated', kid: active.kid, signsFrom: active.activeAt ?? now() };
    const rotation =
      next && (await promote(dependencies, take, admin, { next, active, live, force }));
    if (rotation) return rotation;
  }
  throw new OAuthError('conflict', 'the keys keep changing: try again');
};

interface Places {
  readonly next: SigningKeyRecord;
  readonly active: SigningKeyRecord | undefined;
  readonly live: readonly SigningKeyRecord[];
  readonly force: boolean;
}

/** Undefined where another instance was quicker. */
const promote = async (
  dependencies: KeyDependencies,
  take: TakeStep,
  admin: Admin,
  { next, active, live, force }: Places,
): Promise<Rotation | undefined> => {
  const { settings, now } = dependencies;
  const { userId: by, known, holder } = admin;
  const { alg, kid } = next;
  const ready = readyAt(next, settings());
  if (!force && ready > now()) {
    const isAsked = await ask(dependencies, next, admin);
    return isAsked ? { alg, outcome: 'scheduled', kid, signsFrom: ready } : undefined;
  }
  const at = now();
  const done = await take(alg, succession(next, active, settings(), at), live, {
    by,
    known,
    holder,
  });
  return done ? { alg, outcome: 'rotated', kid, signsFrom: at } : undefined;
};

const inPlace = (live: readonly SigningKeyRecord[], place: 'active' | 'next') =>
  live.find(({ state, locked }) => state === place && !locked);

const ask = async (
  { signingKeys, now }: KeyDependencies,
  next: SigningKeyRecord,
  { userId, known, holder }: Admin,
): Promise<boolean> => {
  if (next.rotationAskedAt) return true;
  const at = now();
  const detail = { kid: next.kid, alg: next.alg, by: userId };
  const audit = { ...known, at, action: 'key.rotate', outcome: 'granted', detail } as const;
  return signingKeys.askRotation(next.kid, { at, holder, audit });
};
