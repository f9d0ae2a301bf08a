import type {
  Constraints,
  StorageAction,
  StorageDetail,
} from '../protocol/authorization-details.ts';
import type { OAuthErrorCode, Violation } from '../protocol/oauth-error.ts';
import { readActions } from './actions.ts';
import { contains, narrow } from './constraints.ts';
import { type BrokenRule, refuse } from './reading.ts';

export interface Attenuation {
  /** The app's grants, filled; or the details of the subject token. */
  readonly held: readonly StorageDetail[];
  readonly asked: {
    /** `bucket:<id>`, compared as a string. */
    readonly resource: string;
    readonly actions: readonly string[];
    readonly constraints?: Constraints | undefined;
  };
}

export type Attenuated =
  | { readonly granted: StorageDetail }
  | {
      /** What the refusal is on the wire. */
      readonly code: Extract<OAuthErrorCode, 'invalid_target' | 'invalid_scope'>;
      readonly violations: readonly Violation[];
    };

const NOT_HELD: BrokenRule = {
  rule: 'resource_not_held',
  message: 'nothing is held on this resource',
  remedy: 'ask for a resource the app has a grant for',
};

const SPLIT: BrokenRule = {
  rule: 'actions_of_one_grant',
  message: 'no single grant holds all of these actions',
  remedy: 'ask once for each grant',
};

const notHeld = (
  actions: readonly StorageAction[],
  held: readonly StorageDetail[],
): BrokenRule => ({
  rule: 'exceeds_grant',
  message: `${actions.join(', ')} is not held on this resource`,
  remedy: `ask for actions the grant has: ${[...new Set(held.flatMap((h) => h.actions))].join(', ')}`,
});

const invalidScope = (violations: readonly Violation[]): Attenuated => ({
  code: 'invalid_scope',
  violations,
});

const holdsAll = (detail: StorageDetail, actions: readonly StorageAction[]): boolean =>
  actions.every((action) => detail.actions.includes(action));

/** Whether all that `inner` allows, `outer` allows: same bucket, no other action, within its limits. */
export const detailContains = (outer: StorageDetail, inner: StorageDetail): boolean =>
  outer.locations[0] === inner.locations[0] &&
  holdsAll(outer, inner.actions) &&
  contains(outer, inner);

const limitsOf = ({
  type: _,
  locations: __,
  actions: ___,
  ...limits
}: StorageDetail): Constraints => limits;

/** The first grant that holds all of it; else the complaints of the first that has the actions. */
const grantFrom = (
  candidates: readonly StorageDetail[],
  actions: readonly StorageAction[],
  asked: Constraints,
): Attenuated => {
  let refused: readonly Violation[] | undefined;
  for (const candidate of candidates) {
    const narrowed = narrow(limitsOf(candidate), asked);
    if ('constraints' in narrowed) {
      const { type, locations } = candidate;
      return { granted: { type, locations, actions, ...narrowed.constraints } };
    }
    refused ??= narrowed.violations;
  }
  return invalidScope(refused ?? refuse('actions', SPLIT).violations);
};

/**
 * Law 2, for storage: what is issued lies within one held detail and within what was asked, in
 * bucket, actions, prefix, size and types. More than that is refused, never clipped.
 *
 * Grants are not added up: one held detail must hold all of it, or a prefix of one grant would meet
 * an action of another. Where several do, the first in `held` is used.
 */
export const attenuate = ({ held, asked }: Attenuation): Attenuated => {
  const actions = readActions(asked.actions);
  if ('violations' in actions) return invalidScope(actions.violations);

  const here = held.filter((detail) => detail.locations[0] === asked.resource);
  if (here.length === 0) {
    return { code: 'invalid_target', violations: refuse('resource', NOT_HELD).violations };
  }

  const missing = actions.value.filter((action) => !here.some((h) => h.actions.includes(action)));
  if (missing.length > 0) {
    return invalidScope(refuse('actions', notHeld(missing, here)).violations);
  }
  const candidates = here.filter((detail) => holdsAll(detail, actions.value));
  return grantFrom(candidates, actions.value, asked.constraints ?? {});
};
