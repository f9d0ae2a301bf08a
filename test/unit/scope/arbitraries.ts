import fc from 'fast-check';
import {
  type Constraints,
  STORAGE_ACTIONS,
  type StorageAction,
  type StorageDetail,
} from '../../../src/protocol/authorization-details.ts';
import { canonicalMediaRanges } from '../../../src/scope/media-range.ts';
import type { StorageScope } from '../../../src/scope/storage-scope.ts';

/** Few names, so that prefixes meet; among them what an encoder has to care for. */
const NAMES = ['a', 'ab', 'b', 'Menü', '食', 'it:s', 'x=y', "o'k!(1)", 'a b', 'p+q', '~-_.z', '😀'];

const RANGES = [
  '*/*',
  'image/*',
  'image/png',
  'image/svg+xml',
  'text/csv',
  'application/pdf',
  'application/vnd.x!#$&^_.+-y',
];

export const actions = (maxLength = 4): fc.Arbitrary<StorageAction[]> =>
  fc.subarray([...STORAGE_ACTIONS], { minLength: 1, maxLength });

/** Mostly the same one, so that what is held and what is asked meet. */
export const bucket = (): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 4, arbitrary: fc.constant('photos') },
    { weight: 1, arbitrary: fc.constantFrom('photos2', '0', 'a.b_c-d', 'constructor') },
  );

/** Canonical prefixes, `/` among them. */
export const prefix = (): fc.Arbitrary<string> =>
  fc
    .array(fc.constantFrom(...NAMES), { maxLength: 4 })
    .map((names) => `/${names.map((name) => `${name}/`).join('')}`);

/** Canonical constraints: any of them, or none. */
export const constraints = (): fc.Arbitrary<Constraints> =>
  fc.record(
    {
      prefix: prefix(),
      max_size: fc.oneof(
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
      ),
      content_types: fc
        .subarray(RANGES, { minLength: 1 })
        .map((ranges) => canonicalMediaRanges(ranges)),
    },
    { requiredKeys: [] },
  );

export const storageScope = (): fc.Arbitrary<StorageScope> =>
  fc
    .tuple(bucket(), fc.constantFrom(...STORAGE_ACTIONS), constraints())
    .map(([id, action, limits]) => ({ bucket: id, action, ...limits }));

export const detail = (): fc.Arbitrary<StorageDetail> =>
  fc.tuple(bucket(), actions(), constraints()).map(([id, list, limits]) => ({
    type: 'daypass_storage',
    locations: [`bucket:${id}`],
    actions: list,
    ...limits,
  }));

/** Pieces of attacks on paths, put together at random. */
export const hostilePath = (): fc.Arbitrary<string> =>
  fc
    .array(
      fc.oneof(
        fc.constantFrom('/', '//', '.', '..', '../', '%', '%2f', '%2e', '%252e', '%5c', '\\'),
        fc.constantFrom('\0', '%00', '\n', '\u0085', '\u202e', '\ud800', '／', '․', '﹨', '…'),
        fc.constantFrom('a', 'ab', 'e\u0301', 'é', '%c3%a9', '%ff', ' ', '.daypass-staging', '食'),
        fc.string({ unit: 'binary', maxLength: 3 }),
      ),
      { maxLength: 8 },
    )
    .map((parts) => parts.join(''));
