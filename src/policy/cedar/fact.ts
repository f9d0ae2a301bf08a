import type { CedarValueJson } from '@cedar-policy/cedar-wasm/nodejs';

/**
 * Leaves of a request, checked as they are written, so that what reaches Cedar conforms to the schema by construction.
 * Cedar can check that itself, at twice the price of a decision (README, "What a decision costs").
 *
 * Each throws TypeError, and the engine refuses, for a value that its TypeScript type rules out.
 */
export type Facts = Record<string, CedarValueJson>;

export const text = (value: string): string => {
  // Cedar would read every lone surrogate as the same U+FFFD: two paths, one decision.
  if (typeof value === 'string' && value.isWellFormed()) return value;
  throw new TypeError('not a text');
};

export const texts = (values: readonly string[]): string[] => {
  if (Array.isArray(values)) return values.map(text);
  throw new TypeError('not a list of texts');
};

export const flag = (value: boolean): boolean => {
  if (typeof value === 'boolean') return value;
  throw new TypeError('neither true nor false');
};

/** Cedar's numbers are 64-bit integers; a negative one would pass below every limit. */
export const count = (value: number): number => {
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new TypeError('not a whole number from 0 up');
};

/** A value of one of the schema's enumerations. */
export const member = (type: keyof typeof ENUMERATIONS, value: string): CedarValueJson => {
  if (ENUMERATIONS[type].includes(value)) return { __entity: entity(type, value) };
  throw new TypeError(`no ${type}`);
};

const ENUMERATIONS: Readonly<
  Record<'Classification' | 'AppType' | 'ActorKind', readonly string[]>
> = {
  Classification: ['public', 'internal', 'confidential', 'restricted'],
  AppType: ['browser', 'native', 'web', 'service'],
  ActorKind: ['person', 'service'],
};

export const entity = (type: string, id: string) => ({ type: `Daypass::${type}`, id: text(id) });

/** For optional members: to Cedar, absent and null are different things. */
export const given = <T>(
  value: T | undefined,
  write: (value: T) => CedarValueJson,
): CedarValueJson | undefined => (value === undefined ? undefined : write(value));

export const present = (facts: Record<string, CedarValueJson | undefined>): Facts => {
  const written: Facts = {};
  for (const name in facts) {
    const value = facts[name];
    if (value !== undefined) written[name] = value;
  }
  return written;
};
