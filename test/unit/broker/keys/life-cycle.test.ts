import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  type Due,
  dueStep,
  type KeySettings,
  readyAt,
  revocation,
  SKEW,
  type Standing,
  succession,
} from '../../../../src/broker/keys/life-cycle.ts';

const SETTINGS: KeySettings = { rotateEvery: 7_776_000, publishAhead: 600, ceiling: 3_600 };
const T0 = new Date('2026-11-22T00:00:00Z');
const at = (seconds: number): Date => new Date(T0.getTime() + seconds * 1000);

const key = (kid: string, state: Standing['state'], more: Partial<Standing> = {}): Standing => ({
  kid,
  state,
  createdAt: T0,
  locked: false,
  ...more,
});
const active = key('a', 'active', { activeAt: T0 });
const next = key('n', 'next');

describe('the life of signing keys', () => {
  it('begins with one that signs and one that is published and waits', () => {
    expect(dueStep([], SETTINGS, T0)).toEqual({ moves: [], makes: ['active', 'next'] });
  });

  it('leaves well alone', () => {
    expect(dueStep([active, next], SETTINGS, at(7_775_999))).toEqual({ moves: [], makes: [] });
  });

  it('gives an active key that stands alone, as an earlier release left it, a next one', () => {
    expect(dueStep([active], SETTINGS, T0)).toEqual({ moves: [], makes: ['next'] });
  });

  it('rotates on schedule: the old one stays published until all it signed has expired', () => {
    const now = at(7_776_000);
    expect(dueStep([active, next], SETTINGS, now)).toEqual({
      moves: [
        { kid: 'a', from: 'active', to: 'retiring', publishUntil: at(7_776_000 + 3_600 + SKEW) },
        { kid: 'n', from: 'next', to: 'active' },
      ],
      makes: ['next'],
    });
  });

  it('rotates when asked, though not before the next key has been published long enough', () => {
    const wanted = { ...next, rotationAskedAt: at(1) };
    expect(dueStep([active, wanted], SETTINGS, at(599)).moves).toEqual([]);
    expect(dueStep([active, wanted], SETTINGS, at(600)).moves).toHaveLength(2);
  });

  it('does not let a next key sign on schedule that was published a moment ago', () => {
    const young = key('n', 'next', { createdAt: at(7_776_000) });
    expect(dueStep([active, young], SETTINGS, at(7_776_599)).moves).toEqual([]);
    expect(dueStep([active, young], SETTINGS, at(7_776_600)).moves).toHaveLength(2);
  });

  it('retires a key when nothing it signed can be alive, and not before', () => {
    const old = key('o', 'retiring', { publishUntil: at(100) });
    expect(dueStep([active, next, old], SETTINGS, at(99))).toEqual({ moves: [], makes: [] });
    expect(dueStep([active, next, old], SETTINGS, at(100))).toEqual({
      moves: [{ kid: 'o', from: 'retiring', to: 'retired' }],
      makes: [],
    });
  });

  it.each([
    [
      'active',
      [
        { kid: 'a', from: 'active', to: 'revoked' },
        { kid: 'n', from: 'next', to: 'active' },
      ],
      ['next'],
    ],
    ['next', [{ kid: 'n', from: 'next', to: 'revoked' }], ['next']],
    ['retiring', [{ kid: 'o', from: 'retiring', to: 'revoked' }], []],
  ] as const)('follows a lock on the %s key at once', (state, moves, makes) => {
    const old = key('o', 'retiring', { publishUntil: at(9_999) });
    const keys = [active, next, old].map((one) => ({ ...one, locked: one.state === state }));
    expect(dueStep(keys, SETTINGS, T0)).toEqual({ moves, makes });
  });

  it('makes both anew where both are revoked', () => {
    const keys = [active, next].map((one) => ({ ...one, locked: true }));
    expect(dueStep(keys, SETTINGS, T0)).toEqual({
      moves: [
        { kid: 'a', from: 'active', to: 'revoked' },
        { kid: 'n', from: 'next', to: 'revoked' },
      ],
      makes: ['active', 'next'],
    });
  });
});

/** What the ledger makes of a step. */
const taken = (keys: readonly Standing[], { moves, makes }: Due, now: Date, name: () => string) => [
  ...keys.map((one): Standing => {
    const move = moves.find(({ kid }) => kid === one.kid);
    if (!move) return one;
    expect(move.from).toBe(one.state);
    const activeAt = move.to === 'active' ? now : one.activeAt;
    return { ...one, state: move.to, activeAt, publishUntil: move.publishUntil };
  }),
  ...makes.map((state) =>
    key(name(), state, { createdAt: now, ...(state === 'active' && { activeAt: now }) }),
  ),
];

const places = (keys: readonly Standing[]) =>
  (['active', 'next'] as const).map((place) => keys.filter(({ state }) => state === place).length);

describe('whatever happens to signing keys', () => {
  const happening = fc.record({
    after: fc.integer({ min: 0, max: 2_000 }),
    what: fc.constantFrom('wait', 'ask', 'force', 'revoke', 'lock'),
    which: fc.nat({ max: 5 }),
  });

  it('one signs and one waits; none signs unforced before its time; what signed stays published as long as it must', () => {
    const settings = { rotateEvery: 5_000, publishAhead: 300, ceiling: 900 };
    fc.assert(
      fc.property(fc.array(happening, { maxLength: 40 }), (happenings) => {
        let count = 0;
        const name = () => {
          count += 1;
          return `k${count}`;
        };
        let seconds = 0;
        let keys = taken([], dueStep([], settings, T0), T0, name);
        for (const { after, what, which } of happenings) {
          seconds += after;
          const now = at(seconds);
          const find = (place: string) => keys.find(({ state }) => state === place) as Standing;
          const victim = keys[which % keys.length] as Standing;
          if (what === 'ask')
            keys = keys.map((one) =>
              one.state === 'next' ? { ...one, rotationAskedAt: now } : one,
            );
          if (what === 'force')
            keys = taken(keys, succession(find('next'), find('active'), settings, now), now, name);
          if (what === 'revoke' && victim.state !== 'revoked')
            keys = taken(keys, revocation([victim], find('active'), find('next')), now, name);
          if (what === 'lock')
            keys = keys.map((one) => (one === victim ? { ...one, locked: true } : one));
          expect(places(keys)).toEqual([1, 1]);

          const before = keys;
          const due = dueStep(keys, settings, now);
          keys = taken(keys, due, now, name);
          expect(places(keys)).toEqual([1, 1]);
          const lostItsActive = before.some(({ state, locked }) => state === 'active' && locked);
          for (const { kid, to } of due.moves) {
            const one = before.find((known) => known.kid === kid) as Standing;
            if (to === 'active' && !lostItsActive) expect(readyAt(one, settings) <= now).toBe(true);
            if (to === 'retired') expect((one.publishUntil as Date) <= now).toBe(true);
          }
          for (const one of keys) {
            if (one.state !== 'retiring') continue;
            expect(one.publishUntil?.getTime()).toBeGreaterThanOrEqual(
              (one.activeAt as Date).getTime() + (settings.ceiling + SKEW) * 1000,
            );
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});
