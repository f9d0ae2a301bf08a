import type { ActionConstraint, EntityUidJson } from '@cedar-policy/cedar-wasm/nodejs';
import { ACTIONS, type Action } from '../engine.ts';

/**
 * The actions a policy can apply to, going by its head. A head that names none applies to all: where this errs, a decision
 * costs more, and no forbid is missed.
 */
export const actionsOf = (head: ActionConstraint): readonly Action[] => {
  if ('entities' in head) return named(head.entities);
  return 'entity' in head ? named([head.entity]) : ACTIONS;
};

const named = (entities: readonly EntityUidJson[]): readonly Action[] => {
  const names = entities.map((uid) => ('__entity' in uid ? uid.__entity.id : uid.id));
  return ACTIONS.filter((action) => names.includes(action));
};
