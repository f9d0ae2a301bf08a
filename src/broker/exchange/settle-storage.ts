import {
  type Constraints,
  STORAGE_ACTIONS,
  type StorageAction,
  type StorageDetail,
} from '../../protocol/authorization-details.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import { attenuate } from '../../scope/attenuate.ts';
import type { CanonicalAsked } from './asked.ts';
import { type Authority, heldDetails } from './authority.ts';
import { notGranted } from './target.ts';

/** What would be issued under one grant, and that grant. */
export interface Part {
  readonly detail: StorageDetail;
  readonly grant: StorageDetail;
}

/**
 * Each part asked for, inside the app's grants and inside what the subject token holds.
 *
 * Action by action, because an app may hold reading here and writing there; actions with the same
 * limits then become one part again.
 */
export const settleStorage = (
  asked: CanonicalAsked,
  resource: string,
  grants: readonly StorageDetail[],
  authority: Authority,
): readonly Part[] => {
  const held = heldDetails(authority) ?? grants;
  const wanted = asked.details ?? [
    {
      locations: [resource] as const,
      actions: asked.actions ?? actionsOf(held),
      ...asked.constraints,
    },
  ];
  const each = wanted.flatMap(({ locations, actions, ...limits }) => {
    if (locations[0] !== resource) throw otherResource();
    return onePart(held, resource, actions, limitsOf(limits));
  });
  const parts = new Map<string, Part>();
  for (const detail of each) {
    // What the app holds now, not what it held when the subject token was issued.
    if (authority.within) onePart(grants, resource, detail.actions, limitsOf(detail));
    const grant = grants.find((one) => holds(one, detail));
    if (!grant) throw notGranted('no grant holds a part of its own');
    const key = JSON.stringify([grants.indexOf(grant), limitsOf(detail)]);
    parts.set(key, { grant, detail: withActions(detail, parts.get(key)?.detail.actions ?? []) });
  }
  return [...parts.values()];
};

/** The same limits, with the actions of both in the order the vocabulary has them. */
const withActions = (detail: StorageDetail, more: readonly StorageAction[]): StorageDetail => {
  const all = new Set([...more, ...detail.actions]);
  return { ...detail, actions: STORAGE_ACTIONS.filter((action) => all.has(action)) };
};

const actionsOf = (held: readonly StorageDetail[]): readonly string[] => [
  ...new Set(held.flatMap(({ actions }) => actions)),
];

const onePart = (
  held: readonly StorageDetail[],
  resource: string,
  actions: readonly string[],
  constraints: Constraints,
): readonly StorageDetail[] =>
  (actions.length === 0 ? [actions] : actions.map((action) => [action])).map((one) =>
    granted(attenuate({ held, asked: { resource, actions: one, constraints } })),
  );

const holds = (grant: StorageDetail, detail: StorageDetail): boolean =>
  'granted' in
  attenuate({
    held: [grant],
    asked: {
      resource: detail.locations[0],
      actions: detail.actions,
      constraints: limitsOf(detail),
    },
  });

const limitsOf = ({ prefix, max_size, content_types }: Partial<StorageDetail>) => ({
  ...(prefix === undefined ? {} : { prefix }),
  ...(max_size === undefined ? {} : { max_size }),
  ...(content_types === undefined ? {} : { content_types }),
});

const granted = (answer: ReturnType<typeof attenuate>): StorageDetail => {
  if ('granted' in answer) return answer.granted;
  throw new OAuthError(answer.code, 'more was asked for than is held', {
    violations: answer.violations,
  });
};

export const otherResource = (): OAuthError =>
  new OAuthError('invalid_target', 'the subject token is for another resource', {
    violations: [
      {
        field: 'resource',
        rule: 'not_held',
        message: 'a narrowed token keeps the resource of the token it comes from',
        remedy: 'leave the resource out, or exchange the ID token instead',
      },
    ],
  });
