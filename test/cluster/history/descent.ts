import type { Derive, Issue, Operation, Target } from './history.ts';

/** What a token came of, as its clients saw it. */
export interface Descent {
  /** The exchange that made it. */
  readonly made: Issue | Derive;
  /** The exchange of the ID token at the beginning. */
  readonly root: Issue;
  readonly user: string;
  readonly app: string;
  /** It and its ancestors, itself first. */
  readonly chain: readonly string[];
}

/** The descent of each token that a client was given. Tokens of unknown parents have none. */
export const descents = (history: readonly Operation[]): ReadonlyMap<string, Descent> => {
  const known = new Map<string, Descent>();
  const given = history
    .filter((one): one is Issue | Derive => one.kind === 'issue' || one.kind === 'derive')
    .toSorted((a, b) => a.began - b.began); // a parent was there before its child was asked for
  for (const made of given) {
    const { token } = made;
    if (token === undefined) continue;
    if (made.kind === 'issue') {
      known.set(token, { made, root: made, user: made.user, app: made.app, chain: [token] });
      continue;
    }
    const parent = known.get(made.parent);
    if (parent) known.set(token, { ...parent, made, chain: [token, ...parent.chain] });
  }
  return known;
};

/** Everything whose revocation kills a token. */
export const targetsOf = ({ chain, user, app }: Descent): readonly Target[] => [
  ...chain.map((token): Target => `token:${token}`),
  `user:${user}`,
  `app:${app}`,
];
