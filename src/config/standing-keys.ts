/** Standing keys: which buckets are opened by a secret that lives until somebody revokes it? It refuses nothing. */
import { spell } from './deployment/finding.ts';
import type { DeploymentDocument } from './deployment/schema.ts';
import type { Notice } from './not-yet.ts';

type Bucket = NonNullable<DeploymentDocument['buckets']>[number];

const MESSAGE =
  'names a key that signs until somebody revokes it: a role, a user delegation key or IAM signing ({} or web_identity) ends by itself';

/** The member that names a key with no end; one that comes with a session's token has one. */
const standingKeyOf = ({ provider, credentials = {} }: Bucket): string | undefined => {
  const names = Object.keys(credentials);
  if (provider === 's3' && names.includes('session_token_env')) return undefined;
  return names.find((name) => name.endsWith('_env'));
};

/** Each with its place in the file. They are allowed, as not every storage has better, and are said aloud. */
export const standingKeys = ({ buckets = [] }: DeploymentDocument): readonly Notice[] =>
  buckets.flatMap((bucket, at) => {
    const member = standingKeyOf(bucket);
    if (member === undefined) return [];
    return [{ field: spell(['buckets', at, 'credentials', member]), message: MESSAGE }];
  });
