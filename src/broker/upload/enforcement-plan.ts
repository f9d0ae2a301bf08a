import type { Bucket } from '../../config/deployment.ts';
import type { Constraint, EnforceableGrant, Enforcement } from '../../storage/object-store.ts';

/** Who will hold one upload to its grant, settled before policy is asked. */
export interface EnforcementPlan {
  /** For the answer: what nobody enforces is not in it. */
  readonly enforcement: readonly Enforcement[];
  /** What the storage lets in and the broker refuses when it looks. */
  readonly checkedAfterwards: readonly string[];
  /** What neither does: policy accepts it, or the upload is refused. */
  readonly unenforceable: readonly string[];
}

/** Limits by the name the token and the grant give them. */
const LIMITS: Readonly<Partial<Record<Constraint, string>>> = {
  size: 'max_size',
  content_type: 'content_types',
};

/**
 * The broker reads what has arrived, so whatever the storage leaves to it is checked, but the content type: where
 * the bucket has the bytes not looked at, only a storage that pins the declared type holds an upload to it.
 */
export const planEnforcement = (
  claims: readonly Enforcement[],
  { sniff }: Pick<Bucket['validate'], 'sniff'>,
): EnforcementPlan => {
  const isHeld = ({ constraint, by }: Enforcement): boolean =>
    by === 'storage' || constraint !== 'content_type' || sniff;
  const enforcement = claims.filter(isHeld);
  const named = (some: readonly Enforcement[]): readonly string[] =>
    some.map(({ constraint }) => LIMITS[constraint] ?? constraint);
  return {
    enforcement,
    checkedAfterwards: named(enforcement.filter(({ by }) => by === 'broker')),
    unenforceable: named(claims.filter((claim) => !isHeld(claim))),
  };
};

/** What a request asks for, as far as it decides who can enforce it. */
export const enforceable = (
  { size, sha256 }: { readonly size: number; readonly sha256: string | undefined },
  contentType: string,
): EnforceableGrant => ({ size, contentType, ...(sha256 === undefined ? {} : { sha256 }) });
