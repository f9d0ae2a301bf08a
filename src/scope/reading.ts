import { OAuthError, type OAuthErrorCode, type Violation } from '../protocol/oauth-error.ts';

/** What a reader answers: the canonical value, or every rule its input breaks. */
export type Reading<T> = { readonly value: T } | { readonly violations: readonly Violation[] };

/** A violation that does not yet know which field it is about. */
export type BrokenRule = Omit<Violation, 'field'>;

export const read = <T>(value: T): Reading<T> => ({ value });

export const refuse = (
  field: string,
  broken: BrokenRule,
): { readonly violations: [Violation] } => ({
  violations: [{ field, ...broken }],
});

export const violationsOf = (reading: Reading<unknown>): readonly Violation[] =>
  'violations' in reading ? reading.violations : [];

/** For callers who hold one value only: the value, or the refusal thrown. */
export const orThrow = <T>(reading: Reading<T>, code: OAuthErrorCode): T => {
  if ('value' in reading) return reading.value;
  const { violations } = reading;
  throw new OAuthError(code, violations[0]?.message ?? 'the request is not acceptable', {
    violations,
  });
};
