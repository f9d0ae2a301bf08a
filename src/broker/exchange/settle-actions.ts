import type { Grant } from '../../config/deployment.ts';
import { OAuthError, type Violation } from '../../protocol/oauth-error.ts';
import type { Asked } from './asked.ts';
import type { Authority } from './authority.ts';

/** Scopes of an API are words: each asked for must be held, by the app and by the subject token. */
export const settleActions = (
  asked: Asked,
  grants: readonly Grant[],
  authority: Authority,
): readonly string[] => {
  const ofApp = new Set(grants.flatMap(({ actions }) => actions));
  const held = authority.within
    ? authority.within.scopes.filter((scope) => ofApp.has(scope))
    : [...ofApp];
  const wanted = asked.actions ?? held;
  const violations = wanted
    .filter((action) => !held.includes(action))
    .map(
      (action): Violation => ({
        field: 'actions',
        rule: 'not_held',
        message: `${JSON.stringify(action.slice(0, 64))} is not held on this resource`,
        remedy: `ask for some of: ${held.join(' ')}`,
      }),
    );
  if (violations.length > 0 || wanted.length === 0) {
    throw new OAuthError('invalid_scope', 'more was asked for than is held', { violations });
  }
  return [...new Set(wanted)];
};
