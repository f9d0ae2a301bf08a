import type { Location } from './location.ts';

/**
 * Said of everything we write: nobody but the bucket's owner reads it. AWS has buckets without ACLs, and blocks public
 * ones wherever it is told to; elsewhere we say it ourselves.
 */
export const closed = ({ isAws }: Location): { readonly ACL?: 'private' } =>
  isAws ? {} : { ACL: 'private' };
