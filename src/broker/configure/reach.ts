import type { DeploymentDocument } from '../../config/deployment.ts';
import type { Problem } from '../../config/problem.ts';
import { type EntryKind, entriesOf, NAMES, type Place, tenantOf } from './place.ts';

const KINDS = Object.keys(NAMES) as readonly EntryKind[];

/**
 * The document as it reads to whoever reaches one tenant: nothing of others exists, so that a refusal names none of it
 * and suggests none of it. What they wrote stands in it whatever it says.
 */
export const withinReach = (
  document: DeploymentDocument,
  tenantId: string,
  place: Place,
): DeploymentDocument => {
  const written = place.read(document);
  const entries = KINDS.map((kind) => [
    kind,
    entriesOf(document, kind).filter(
      (entry) => entry === written || tenantOf(kind, entry) === tenantId,
    ),
  ]);
  return { ...document, ...Object.fromEntries(entries) };
};

/** Leans closed: of what belongs to the deployment, such as who administers it, nothing is told. */
export const isOfEntry = ({ path }: Problem): boolean =>
  KINDS.some((kind) => path.startsWith(`${kind}[`));

/** Told where all that is wrong lies beyond reach: that it is so, and not what. */
export const BEYOND_REACH: Problem = {
  path: 'body',
  rule: 'in_use',
  message: 'does not go with what is there already',
  remedy: 'choose other names, or ask an admin with deployment scope',
};
