/** Missing variables: which of those that buckets name are not set? It refuses nothing. */
import { spell } from './deployment/finding.ts';
import type { DeploymentDocument } from './deployment/schema.ts';
import type { Notice } from './not-yet.ts';

/**
 * Each with its place in the file.
 *
 * @param isSet whether the environment has a variable
 * @param where whose environment that is, and what to do
 */
export const missingVariables = (
  { buckets = [] }: DeploymentDocument,
  isSet: (variable: string) => boolean,
  where = 'where the broker runs: set it there, and restart the broker',
): readonly Notice[] =>
  buckets.flatMap(({ credentials = {} }, at) =>
    Object.entries(credentials).flatMap(([member, name]) => {
      if (!member.endsWith('_env') || typeof name !== 'string' || isSet(name)) return [];
      const field = spell(['buckets', at, 'credentials', member]);
      return [{ field, message: `names ${name}, which is not set ${where}` }];
    }),
  );
