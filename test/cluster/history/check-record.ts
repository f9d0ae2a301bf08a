import { descents } from './descent.ts';
import type { Kept, KeptToken, Operation, Violation } from './history.ts';

/** Is everything that a client saw on record, and on record as it was seen? Do the counts add up? */
export const checkRecord = (history: readonly Operation[], kept: Kept): Violation[] => [
  ...checkTokens(history, kept),
  ...checkRevocations(history, kept),
  ...checkCounts(history, kept),
];

const checkTokens = (history: readonly Operation[], kept: Kept): Violation[] => {
  const rows = new Map(kept.tokens.map((row) => [row.token, row]));
  return [...descents(history)].flatMap(([token, { user, app, chain }]): Violation[] => {
    const row = rows.get(token);
    if (!row) return [{ rule: 'no_record', about: token }];
    const seen = { parent: chain[1], user, app };
    return isSame(row, seen) ? [] : [{ rule: 'another_record', about: token }];
  });
};

const isSame = (row: KeptToken, seen: Pick<KeptToken, 'parent' | 'user' | 'app'>): boolean =>
  row.parent === seen.parent && row.user === seen.user && row.app === seen.app;

const checkRevocations = (history: readonly Operation[], kept: Kept): Violation[] => {
  const rows = new Map(kept.revocations.map((row) => [row.revocation, row]));
  return history.flatMap((one): Violation[] => {
    if (one.outcome !== 'granted') return [];
    if (one.kind === 'revoke') {
      const isKept = rows.get(one.revocation ?? '')?.target === one.target;
      return isKept ? [] : [{ rule: 'revocation_lost', about: one.target }];
    }
    if (one.kind !== 'lift' || rows.get(one.revocation)?.lifted) return [];
    return [{ rule: 'lift_lost', about: one.revocation }];
  });
};

/** Law 1 from the other side: each row has its event, and only what nobody heard of has a row nobody saw. */
const checkCounts = (history: readonly Operation[], kept: Kept): Violation[] => {
  const without = kept.tokens
    .filter(({ events }) => events !== 1)
    .map(
      ({ token, events }): Violation => ({
        rule: 'no_audit_event',
        about: `${token} has ${events}`,
      }),
    );
  const issued = counts(history, ['issue', 'derive']);
  const revoked = counts(history, ['revoke']);
  return [
    ...without,
    ...within('tokens', kept.tokens.length, issued),
    ...within('revocations', kept.revocations.length, revoked),
    ...within('events of revocations', kept.revocationEvents, revoked),
  ];
};

const counts = (history: readonly Operation[], kinds: readonly Operation['kind'][]) => {
  const done = (outcome: Operation['outcome']): number =>
    history.filter((one) => kinds.includes(one.kind) && one.outcome === outcome).length;
  return { seen: done('granted'), unheard: done('unknown') };
};

const within = (
  what: string,
  rows: number,
  { seen, unheard }: ReturnType<typeof counts>,
): Violation[] =>
  rows >= seen && rows <= seen + unheard
    ? []
    : [{ rule: 'miscounted', about: `${rows} ${what}: ${seen} were seen, ${unheard} unheard` }];
