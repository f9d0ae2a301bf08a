/** Not yet: what was asked for that this release does not do? It refuses nothing. */
import { type Finding, spell } from './deployment/finding.ts';
import type { DeploymentDocument } from './deployment/schema.ts';

/** A setting that was accepted and is worth a word: it does not do what it says, or it does what is better avoided. */
export interface Notice {
  readonly field: string;
  readonly message: string;
}

const UNREAD =
  'names a file, which was not read when this was applied: uploads of that type wait until the configuration file is applied again';

/**
 * What of a document promises more than this release keeps, with its place in the file. No errors: a file
 * that is written for a later release may be tried before.
 */
export const notYet = (document: DeploymentDocument): readonly Notice[] => {
  const { buckets = [] } = document;
  return buckets.flatMap((bucket, at) => noticesOfBucket(bucket, ['buckets', at]));
};

type Bucket = NonNullable<DeploymentDocument['buckets']>[number];

const noticesOfBucket = ({ validate }: Bucket, path: Finding['path']): readonly Notice[] =>
  Object.entries(validate?.schema ?? {}).flatMap(([type, schema]) =>
    noticeIf(typeof schema === 'string', [...path, 'validate', 'schema', type], UNREAD),
  );

const noticeIf = (isSet: boolean, path: Finding['path'], message: string): readonly Notice[] =>
  isSet ? [{ field: spell(path), message }] : [];
