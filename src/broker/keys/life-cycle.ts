import type { KeyMove, SigningKeyRecord } from '../../ledger/signing-keys.ts';

/** What is to be done about the keys of one algorithm now: all of it at once, or nothing. */
export interface Due {
  readonly moves: readonly KeyMove[];
  /** The places that are free then. */
  readonly makes: readonly ('next' | 'active')[];
}

export interface KeySettings {
  /** Seconds a key signs for. */
  readonly rotateEvery: number;
  /** Seconds a key is published before it signs. */
  readonly publishAhead: number;
  /** Seconds the longest token lives that may be signed now. */
  readonly ceiling: number;
}

/** The part of a record that decides. */
export type Standing = Pick<
  SigningKeyRecord,
  'kid' | 'state' | 'createdAt' | 'activeAt' | 'publishUntil' | 'rotationAskedAt' | 'locked'
>;

/**
 * Seconds that a retiring key stays published beyond what it signed: an instance that has not heard may sign
 * with it a moment longer, and verifiers allow for clocks that differ.
 */
export const SKEW = 60;

const NOTHING: Due = { moves: [], makes: [] };

/** When a next key has been published long enough to sign. */
export const readyAt = ({ createdAt }: Standing, { publishAhead }: KeySettings): Date =>
  after(createdAt, publishAhead);

/** When the active key leaves its place to the next one, if nobody asks before. */
export const signsFrom = (
  next: Standing,
  active: Standing | undefined,
  settings: KeySettings,
): Date => {
  const ready = readyAt(next, settings);
  const since = active?.activeAt ?? active?.createdAt;
  if (since === undefined || next.rotationAskedAt) return ready;
  const scheduled = after(since, settings.rotateEvery);
  return new Date(Math.max(scheduled.getTime(), ready.getTime()));
};

/**
 * The next step in the life of the keys of one algorithm, which `keys` are; nothing where all is as it should be.
 *
 * There is always an active key and a next one, published and waiting, so that a rotation, and above all an
 * emergency, finds a key that verifiers know already.
 */
export const dueStep = (keys: readonly Standing[], settings: KeySettings, now: Date): Due => {
  const active = keys.find(({ state }) => state === 'active');
  const next = keys.find(({ state }) => state === 'next');
  const locked = keys.filter(isLocked);
  if (locked.length > 0) return revocation(locked, active, next);
  if (!active) return next ? succession(next, undefined, settings, now) : FIRST;
  if (!next) return { moves: [], makes: ['next'] };
  if (signsFrom(next, active, settings) <= now) return succession(next, active, settings, now);
  const over = keys.filter((key) => key.publishUntil !== undefined && key.publishUntil <= now);
  if (over.length === 0) return NOTHING;
  return {
    moves: over.map(({ kid }) => ({ kid, from: 'retiring', to: 'retired' })),
    makes: [],
  };
};

/** Nobody has our keys yet, so the first of an algorithm signs at once. */
const FIRST: Due = { moves: [], makes: ['active', 'next'] };

/** The next key takes the place of the active one, and leaves its own to a new one. */
export const succession = (
  next: Standing,
  active: Standing | undefined,
  { ceiling }: KeySettings,
  now: Date,
): Due => ({
  moves: [
    ...(active ? [retiring(active, after(now, ceiling + SKEW))] : []),
    { kid: next.kid, from: 'next', to: 'active' },
  ],
  makes: ['next'],
});

const retiring = ({ kid }: Standing, publishUntil: Date): KeyMove => ({
  kid,
  from: 'active',
  to: 'retiring',
  publishUntil,
});

/**
 * Takes keys out for good, and fills the places they leave: that of the active one with the next, published long
 * enough or not, for nothing that is signed with a stolen key is worth waiting for.
 */
export const revocation = (
  revoked: readonly Pick<Standing, 'kid' | 'state'>[],
  active: Standing | undefined,
  next: Standing | undefined,
): Due => {
  const isRevoked = (key: Standing | undefined) => revoked.some(({ kid }) => kid === key?.kid);
  const out = revoked.map(({ kid, state }): KeyMove => ({ kid, from: state, to: 'revoked' }));
  const spare = next && !isRevoked(next) ? next : undefined;
  if (active && !isRevoked(active)) return { moves: out, makes: spare ? [] : ['next'] };
  if (!spare) return { moves: out, makes: ['active', 'next'] };
  return { moves: [...out, { kid: spare.kid, from: 'next', to: 'active' }], makes: ['next'] };
};

/** A revocation has named it, and its state does not say so yet. */
const isLocked = ({ locked, state }: Standing): boolean =>
  locked && state !== 'revoked' && state !== 'retired';

const after = (moment: Date, seconds: number): Date => new Date(moment.getTime() + seconds * 1000);
