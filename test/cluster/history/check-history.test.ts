import { describe, expect, it } from '@jest/globals';
import { checkHistory } from './check-history.ts';
import type { Derive, Issue, Kept, Lift, Operation, Revoke, Use, Violation } from './history.ts';

/** Operations are told by when they began and ended, in seconds. */
const seen = (began: number, ended: number) =>
  ({ began: began * 1000, ended: ended * 1000, place: 0, outcome: 'granted' }) as const;

const issue = (at: [number, number], token: string, more: Partial<Issue> = {}): Issue => ({
  ...seen(...at),
  kind: 'issue',
  user: 'ana',
  app: 'menus',
  signedInAt: at[0] * 1000,
  token,
  ...more,
});
const derive = (
  at: [number, number],
  parent: string,
  token: string,
  more: Partial<Derive> = {},
): Derive => ({ ...seen(...at), kind: 'derive', parent, token, ...more });
const use = (at: [number, number], token: string, more: Partial<Use> = {}): Use => ({
  ...seen(...at),
  kind: 'use',
  token,
  ...more,
});
const revoke = (
  at: [number, number],
  target: Revoke['target'],
  more: Partial<Revoke> = {},
): Revoke => ({
  ...seen(...at),
  kind: 'revoke',
  target,
  block: !target.startsWith('token:'),
  revocation: `of ${target}`,
  ...more,
});
const lift = (at: [number, number], target: string, more: Partial<Lift> = {}): Lift => ({
  ...seen(...at),
  kind: 'lift',
  revocation: `of ${target}`,
  ...more,
});
const refused = { outcome: 'refused' } as const;
const unheard = { outcome: 'unknown', ended: Number.POSITIVE_INFINITY } as const;

/** What a database holds that kept all that the history saw, and nothing else. */
const keptOf = (history: readonly Operation[], more: Partial<Kept> = {}): Kept => {
  const tokens = new Map<string, Kept['tokens'][number]>();
  for (const one of history) {
    if (one.kind === 'issue' && one.token) {
      const { token, user, app } = one;
      tokens.set(token, { token, parent: undefined, user, app, events: 1 });
    }
    if (one.kind === 'derive' && one.token) {
      const { token, parent } = one;
      const { user = '', app = '' } = tokens.get(parent) ?? {};
      tokens.set(token, { token, parent, user, app, events: 1 });
    }
  }
  const lifted = history.filter((one) => one.kind === 'lift').map(({ revocation }) => revocation);
  const revocations = history
    .filter((one) => one.kind === 'revoke')
    .filter(({ outcome }) => outcome === 'granted')
    .map(({ revocation = '', target }) => ({
      revocation,
      target,
      lifted: lifted.includes(revocation),
    }));
  return {
    tokens: [...tokens.values()],
    revocations,
    revocationEvents: revocations.length,
    ...more,
  };
};

const rulesOf = (history: readonly Operation[], kept = keptOf(history)): Violation['rule'][] =>
  checkHistory(history, kept).map(({ rule }) => rule);

describe('a good history', () => {
  it.each<[string, Operation[]]>([
    [
      'of issuing, deriving and using',
      [issue([0, 1], 'a'), derive([2, 3], 'a', 'b'), use([4, 5], 'b')],
    ],
    [
      'whose use overlaps the revocation: it may have come first',
      [issue([0, 1], 'a'), revoke([2, 4], 'token:a'), use([3, 5], 'a')],
    ],
    [
      'whose revocation nobody heard of, honoured or not',
      [
        issue([0, 1], 'a'),
        revoke([2, 2], 'token:a', { ...unheard, revocation: undefined as never }),
        use([5, 6], 'a'),
        use([7, 8], 'a', refused),
      ],
    ],
    [
      'whose app is free again: what was issued since is honoured, what is older is not',
      [
        issue([0, 1], 'a'),
        revoke([2, 3], 'app:menus'),
        lift([4, 5], 'app:menus'),
        issue([6, 7], 'b'),
        use([8, 9], 'b'),
        use([8, 9], 'a', refused),
      ],
    ],
    [
      'whose revoked token leaves its parent alone',
      [issue([0, 1], 'a'), derive([2, 3], 'a', 'b'), revoke([4, 5], 'token:b'), use([6, 7], 'a')],
    ],
  ])('%s is found good', (_, history) => {
    expect(rulesOf(history)).toEqual([]);
  });
});

describe('what was honoured though it had been taken back', () => {
  it.each<[string, Operation[]]>([
    ['a token', [issue([0, 1], 'a'), revoke([2, 3], 'token:a'), use([3.1, 4], 'a')]],
    [
      'a token that is derived from',
      [issue([0, 1], 'a'), revoke([2, 3], 'token:a'), derive([3.1, 4], 'a', 'b')],
    ],
    [
      'a token whose ancestor was revoked',
      [
        issue([0, 1], 'a'),
        derive([1, 2], 'a', 'b'),
        derive([2, 3], 'b', 'c'),
        revoke([4, 5], 'token:a'),
        use([6, 7], 'c'),
      ],
    ],
    [
      'a token of a revoked user',
      [issue([0, 1], 'a'), revoke([2, 3], 'user:ana'), use([4, 5], 'a')],
    ],
    [
      'a token of a revoked app',
      [issue([0, 1], 'a'), revoke([2, 3], 'app:menus'), use([4, 5], 'a')],
    ],
    [
      'a token that a lifted block brought back to life',
      [
        issue([0, 1], 'a'),
        revoke([2, 3], 'app:menus'),
        lift([4, 5], 'app:menus'),
        use([6, 7], 'a'),
      ],
    ],
    [
      'a token of a user whose sessions were ended without a block',
      [issue([0, 1], 'a'), revoke([2, 3], 'user:ana', { block: false }), use([4, 5], 'a')],
    ],
    [
      'a token that was issued while its app was being blocked, hence before',
      [revoke([0, 3], 'app:menus'), issue([1, 2], 'a'), use([4, 5], 'a')],
    ],
  ])('%s', (_, history) => {
    expect(rulesOf(history)).toEqual(['honoured_after_revocation']);
  });
});

describe('what was issued though it could not be', () => {
  it.each<[string, Operation[]]>([
    ['to a blocked user', [revoke([0, 1], 'user:ana'), issue([2, 3], 'a')]],
    ['by a blocked app', [revoke([0, 1], 'app:menus'), issue([2, 3], 'a')]],
    [
      'before a lift was asked for',
      [revoke([0, 1], 'app:menus'), issue([2, 3], 'a'), lift([4, 5], 'app:menus')],
    ],
  ])('%s', (_, history) => {
    expect(rulesOf(history)).toEqual(['issued_under_a_block']);
  });

  it('from an ID token that was ended, though the block is lifted', () => {
    const history = [
      revoke([2, 3], 'user:ana'),
      lift([4, 5], 'user:ana'),
      issue([6, 7], 'a', { signedInAt: 1000 }),
    ];
    expect(rulesOf(history)).toEqual(['issued_from_a_dead_sign_in']);
  });
});

describe('what was refused though nothing stood against it', () => {
  it.each<[string, Operation[]]>([
    ['a use', [issue([0, 1], 'a'), use([2, 3], 'a', refused)]],
    ['an issue', [{ ...issue([0, 1], 'a', refused), token: undefined as never }]],
    [
      'a use before its revocation',
      [issue([0, 1], 'a'), use([2, 3], 'a', refused), revoke([4, 5], 'token:a')],
    ],
    [
      'an issue long after the lift',
      [
        revoke([0, 1], 'app:menus'),
        lift([2, 3], 'app:menus'),
        { ...issue([9, 10], 'a', refused), token: undefined as never },
      ],
    ],
  ])('%s', (_, history) => {
    expect(rulesOf(history)).toEqual(['refused_without_cause']);
  });
});

describe('what is not on record', () => {
  const history = [issue([0, 1], 'a'), revoke([2, 3], 'app:menus'), lift([4, 5], 'app:menus')];
  const kept = keptOf(history);
  const [row] = kept.tokens;

  it('a token that a client saw', () => {
    expect(rulesOf(history, { ...kept, tokens: [] })).toEqual(['no_record', 'miscounted']);
  });

  it('its audit event, or more than one', () => {
    for (const events of [0, 2]) {
      expect(rulesOf(history, { ...kept, tokens: [{ ...row!, events }] })).toEqual([
        'no_audit_event',
      ]);
    }
  });

  it('whom it was for, or what it came of', () => {
    for (const other of [{ user: 'sam' }, { app: 'other' }, { parent: 'x' }]) {
      const tokens = [{ ...row!, ...other }];
      expect(rulesOf(history, { ...kept, tokens })).toEqual(['another_record']);
    }
  });

  it('an acknowledged revocation, or its target', () => {
    const none = { ...kept, revocations: [], revocationEvents: 0 };
    expect(rulesOf(history, none)).toEqual([
      'revocation_lost',
      'lift_lost',
      'miscounted',
      'miscounted',
    ]);
    const revocations = [{ ...kept.revocations[0]!, target: 'app:other' }];
    expect(rulesOf(history, { ...kept, revocations })).toEqual(['revocation_lost']);
  });

  it('an acknowledged lift', () => {
    const revocations = [{ ...kept.revocations[0]!, lifted: false }];
    expect(rulesOf(history, { ...kept, revocations })).toEqual(['lift_lost']);
  });

  it('the event of a revocation', () => {
    expect(rulesOf(history, { ...kept, revocationEvents: 0 })).toEqual(['miscounted']);
  });
});

describe('what is on record and nobody saw', () => {
  const stray = { token: 'z', parent: undefined, user: 'ana', app: 'menus', events: 1 };

  it('is one too many where every answer came', () => {
    const history = [issue([0, 1], 'a')];
    const kept = keptOf(history);
    expect(rulesOf(history, { ...kept, tokens: [...kept.tokens, stray] })).toEqual(['miscounted']);
  });

  it('is what an answer that never came was about', () => {
    const history: Operation[] = [{ ...issue([0, 1], 'z'), ...unheard, token: undefined as never }];
    expect(rulesOf(history, { tokens: [stray], revocations: [], revocationEvents: 0 })).toEqual([]);
  });

  it('is nobody’s token where it is used', () => {
    const history = [use([0, 1], 'never-seen')];
    expect(rulesOf(history)).toEqual(['another_record']);
  });
});
