import type { z } from 'zod';

export type Mapping = Readonly<Record<string, unknown>>;

export const isMapping = (value: unknown): value is Mapping =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** In place of what an entry must say and does not: no check finds anything wrong with these. */
const STAND_INS: Mapping = {
  owner: 'somebody',
  purpose: 'something',
  expires: '9999-12-31',
  type: 'web', // of all types of apps the one that is forbidden least
  region: 'eu-west-1',
};

/** What may be left out of an entry, and then no check has anything to say of it. */
const OPTIONAL: readonly unknown[] = [
  'max_size',
  'max_ttl',
  'content_types',
  'residency',
  'classification',
  'max_id_token_age',
];

const at = (value: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>(
    (here, key) => (here as Record<PropertyKey, unknown> | undefined)?.[key],
    value,
  );

const leaveOut = (holder: unknown, keys: readonly (PropertyKey | undefined)[]): void => {
  if (!isMapping(holder)) return;
  for (const key of keys) if (key !== undefined) Reflect.deleteProperty(holder, key);
};

/** A copy in which what was found wrong is missing, or passes: for the checks of the rest of it. */
export const without = (raw: unknown, issues: readonly z.core.$ZodIssue[]): unknown => {
  const copy: unknown = structuredClone(raw);
  for (const issue of issues) {
    const { path } = issue;
    const [member = ''] = path;
    const optional = path.findIndex((key) => OPTIONAL.includes(key));
    if (issue.code === 'unrecognized_keys') leaveOut(at(copy, path), issue.keys);
    else if (optional >= 0) leaveOut(at(copy, path.slice(0, optional)), [path[optional]]);
    else if (isMapping(copy) && Object.hasOwn(STAND_INS, member))
      Reflect.set(copy, member, Reflect.get(STAND_INS, member));
  }
  return copy;
};
