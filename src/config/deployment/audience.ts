import type { App } from './schema.ts';

/** An entry of `subject_audiences` with its issuer written out. */
export interface Audience {
  readonly issuer: string;
  readonly audience: string;
}

/** The issuer of a plain entry is its tenant's only one: undefined where there is none, or a choice. */
export const audienceOf = (
  entry: App['subject_audiences'][number],
  issuersOfTenant: readonly string[],
): Audience | undefined => {
  if (typeof entry !== 'string') return entry;
  const [issuer, ...others] = issuersOfTenant;
  return issuer === undefined || others.length > 0 ? undefined : { issuer, audience: entry };
};
