import { ADMIN_CLIENT } from './check-apps.ts';
import type { Circumstances } from './cross-checks.ts';
import type { Draft } from './draft.ts';
import type { Finding } from './finding.ts';

/** What of an id the eye keeps apart: not the case, nor a zero and an o, nor a one, an l and an i. */
const shapeOf = (id: string): string =>
  id.toLowerCase().replaceAll('0', 'o').replaceAll(/[1i]/g, 'l');

/**
 * People agree to an app by its name, and admins block one by it: two that look alike would be taken for each other.
 * What was accepted before stays, so that no release keeps a broker from starting.
 */
export const checkAppIds = ({ apps }: Draft, { now, written }: Circumstances): Finding[] => {
  if (now === undefined) return [];
  const others = new Map([[shapeOf(ADMIN_CLIENT), [ADMIN_CLIENT]]]);
  for (const id of apps.byId.keys())
    others.set(shapeOf(id), [...(others.get(shapeOf(id)) ?? []), id]);
  return apps.entries
    .filter(({ value: { id } }) => written === undefined || written.includes(id))
    .flatMap(({ path, value: { id } }) => {
      const other = others.get(shapeOf(id))?.find((each) => each !== id);
      // The built-in id in another case is refused as that, and once.
      if (other === undefined || id.toLowerCase() === ADMIN_CLIENT) return [];
      return [
        {
          path: [...path, 'id'],
          rule: 'confusable_id',
          message: `"${id}" looks like "${other}": they differ by case, or by 0 and o, 1, l and i`,
          remedy: 'choose an id that nobody takes for another app',
        },
      ];
    });
};
