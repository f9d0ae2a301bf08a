import { STORAGE_ACTIONS, type StorageAction } from '../protocol/authorization-details.ts';
import { type Reading, read, refuse } from './reading.ts';

/** Exactly as spelled: `Read` and `*` are no actions. */
export const storageAction = (text: unknown): StorageAction | undefined =>
  STORAGE_ACTIONS.find((action) => action === text);

/** In the one order the vocabulary has. */
export const inOrder = (actions: readonly StorageAction[]): readonly StorageAction[] =>
  STORAGE_ACTIONS.filter((action) => actions.includes(action));

/** At least one action, none unknown, none twice; read in the vocabulary's order. */
export const readActions = (
  actions: unknown,
  field = 'actions',
): Reading<readonly StorageAction[]> => {
  const known = Array.isArray(actions)
    ? actions.flatMap((action) => storageAction(action) ?? [])
    : [];
  if (!Array.isArray(actions) || actions.length === 0 || known.length !== actions.length) {
    return refuse(field, {
      rule: 'storage_actions',
      message: 'actions are a list of one or more storage actions',
      remedy: `use ${STORAGE_ACTIONS.join(', ')}`,
    });
  }
  if (new Set(known).size === known.length) return read(inOrder(known));
  return refuse(field, {
    rule: 'duplicate_action',
    message: 'an action is named twice',
    remedy: 'name each action once',
  });
};
