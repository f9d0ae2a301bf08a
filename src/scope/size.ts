import { orThrow, type Reading, read, refuse } from './reading.ts';

/** Bytes: MB = 10^6, MiB = 2^20. Spelled exactly so: `Mb` may mean bits. */
const BYTES = new Map([
  ['', 1],
  ['B', 1],
  ['KB', 1e3],
  ['MB', 1e6],
  ['GB', 1e9],
  ['TB', 1e12],
  ['KiB', 2 ** 10],
  ['MiB', 2 ** 20],
  ['GiB', 2 ** 30],
  ['TiB', 2 ** 40],
]);

const SECONDS = new Map([
  ['', 1],
  ['s', 1],
  ['m', 60],
  ['h', 3_600],
  ['d', 86_400],
]);

/** A whole number and its unit; bounded, so it is linear in any text. */
const QUANTITY = /^([1-9][0-9]{0,15})([A-Za-z]{0,3})$/;

/** Undefined for zero, fractions, signs, unknown units, and more than a safe integer. */
const quantity = (
  text: string | number,
  units: ReadonlyMap<string, number>,
): number | undefined => {
  const [, digits, unit] = QUANTITY.exec(String(text)) ?? [];
  const factor = unit === undefined ? undefined : units.get(unit);
  if (factor === undefined) return undefined;
  const total = Number(digits) * factor;
  return Number.isSafeInteger(total) ? total : undefined;
};

export const readSize = (text: string | number, field = 'size'): Reading<number> => {
  const bytes = quantity(text, BYTES);
  if (bytes !== undefined) return read(bytes);
  return refuse(field, {
    rule: 'size',
    message: 'a size is a positive whole number and a unit',
    remedy: 'write it like 10MB (10^6), 10MiB (2^20) or 1048576 (bytes)',
  });
};

export const readDuration = (text: string | number, field = 'duration'): Reading<number> => {
  const seconds = quantity(text, SECONDS);
  if (seconds !== undefined) return read(seconds);
  return refuse(field, {
    rule: 'duration',
    message: 'a duration is a positive whole number and a unit',
    remedy: 'write it like 30s, 5m, 1h, 7d or 300 (seconds)',
  });
};

/**
 * Bytes, to be compared inclusively: `10MB`, `10MiB`, `1048576B`, `1048576`.
 *
 * @throws OAuthError `invalid_request`
 */
export const parseSize = (text: string | number, field = 'size'): number =>
  orThrow(readSize(text, field), 'invalid_request');

/**
 * Seconds: `30s`, `5m`, `1h`, `7d`, `300`.
 *
 * @throws OAuthError `invalid_request`
 */
export const parseDuration = (text: string | number, field = 'duration'): number =>
  orThrow(readDuration(text, field), 'invalid_request');
