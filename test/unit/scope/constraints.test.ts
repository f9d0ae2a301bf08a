import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Constraints } from '../../../src/protocol/authorization-details.ts';
import { canonicalConstraints } from '../../../src/scope/canonical-constraints.ts';
import { contains, narrow } from '../../../src/scope/constraints.ts';
import { constraints, hostilePath } from './arbitraries.ts';
import { refusalOf, refusedFor } from './refusal.ts';

const held: Constraints = { prefix: '/a/', max_size: 100, content_types: ['image/*', 'text/csv'] };

const rulesOf = (outcome: ReturnType<typeof narrow>): readonly string[] =>
  'violations' in outcome ? outcome.violations.map((v) => `${v.field} ${v.rule}`) : [];

describe('contains', () => {
  it.each<[string, Constraints, Constraints, boolean]>([
    ['no limit holds any limit', {}, held, true],
    ['a limit does not hold its absence', held, {}, false],
    ['a prefix holds itself', { prefix: '/a/' }, { prefix: '/a/' }, true],
    ['a prefix holds a deeper one', { prefix: '/a/' }, { prefix: '/a/b/' }, true],
    ['a prefix does not hold a longer name', { prefix: '/a/' }, { prefix: '/ab/' }, false],
    ['a prefix does not hold a way out', { prefix: '/a/' }, { prefix: '/a/../b/' }, false],
    [
      'a prefix does not hold an encoded way out',
      { prefix: '/a/' },
      { prefix: '/a/%2e%2e/' },
      false,
    ],
    [
      'a prefix does not hold a decomposed one',
      { prefix: '/a/' },
      { prefix: '/a/e\u0301/' },
      false,
    ],
    ['a size holds itself, inclusively', { max_size: 5 }, { max_size: 5 }, true],
    ['a size does not hold one more', { max_size: 5 }, { max_size: 6 }, false],
    ['a size does not hold NaN', { max_size: 5 }, { max_size: Number.NaN }, false],
    ['a size does not hold less than nothing', { max_size: 5 }, { max_size: -1 }, false],
    [
      'a range holds its types',
      { content_types: ['image/*'] },
      { content_types: ['image/png'] },
      true,
    ],
    [
      'all types must be held',
      { content_types: ['image/*'] },
      { content_types: ['image/png', 'text/csv'] },
      false,
    ],
    ['no types are not held', { content_types: ['image/*'] }, { content_types: [] }, false],
  ])('%s', (_, outer, inner, held) => {
    expect(contains(outer, inner)).toBe(held);
  });

  it('is a partial order', () => {
    fc.assert(
      fc.property(constraints(), constraints(), constraints(), (a, b, c) => {
        expect(contains(a, a)).toBe(true);
        if (contains(a, b) && contains(b, a)) expect(a).toEqual(b);
        if (contains(a, b) && contains(b, c)) expect(contains(a, c)).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('narrow', () => {
  it('inherits what was not asked', () => {
    expect(narrow(held, {})).toEqual({ constraints: held });
    expect(narrow(held, { prefix: '/a/b/' })).toEqual({
      constraints: { ...held, prefix: '/a/b/' },
    });
    expect(narrow({}, { max_size: 7 })).toEqual({ constraints: { max_size: 7 } });
  });

  it('answers in canonical form, whatever form was asked', () => {
    const asked = { prefix: '/a/e\u0301/', content_types: ['image/png', 'Image/*'] };
    expect(narrow({ prefix: '/a/' }, asked)).toEqual({
      constraints: { prefix: '/a/é/', content_types: ['image/*'] },
    });
  });

  it('refuses what exceeds, each member by name, and never clips', () => {
    const wider = { prefix: '/ab/', max_size: 101, content_types: ['image/png', 'text/html'] };
    expect(rulesOf(narrow(held, wider))).toEqual([
      'constraints.prefix exceeds_grant',
      'constraints.max_size exceeds_grant',
      'constraints.content_types exceeds_grant',
    ]);
    expect(rulesOf(narrow(held, { prefix: '/' }, 'scope'))).toEqual(['scope.prefix exceeds_grant']);
  });

  it('refuses unsound constraints even where nothing limits them', () => {
    expect(rulesOf(narrow({}, { prefix: '/a/../' }))).toEqual([
      'constraints.prefix path_dot_segment',
    ]);
    expect(rulesOf(narrow({}, { max_size: 0, content_types: [] }))).toEqual([
      'constraints.max_size max_size',
      'constraints.content_types media_ranges_empty',
    ]);
  });

  it('answers with both inside held and inside asked, or refuses just what held does not hold', () => {
    fc.assert(
      fc.property(constraints(), constraints(), (outer, asked) => {
        const outcome = narrow(outer, asked);
        const inherited = { ...outer, ...asked };
        expect('constraints' in outcome).toBe(contains(outer, inherited));
        if (!('constraints' in outcome)) return;
        expect(outcome.constraints).toEqual(inherited);
        expect(contains(outer, outcome.constraints)).toBe(true);
        expect(contains(asked, outcome.constraints)).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });

  it('never leaves the held prefix, whatever path is asked', () => {
    fc.assert(
      fc.property(hostilePath(), (path) => {
        const outcome = narrow(held, { prefix: `/a/${path}/` });
        if (!('constraints' in outcome)) return;
        const { pathname } = new URL(`https://x${encodeURI(outcome.constraints.prefix ?? '')}`);
        expect(pathname).toMatch(/^\/a\//);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('constraints from JSON', () => {
  it('become canonical', () => {
    const json = { prefix: '/Menu%CC%88/', max_size: 5, content_types: ['Image/PNG', 'image/*'] };
    expect(canonicalConstraints(json)).toEqual({
      prefix: '/Menü/',
      max_size: 5,
      content_types: ['image/*'],
    });
    expect(canonicalConstraints({})).toEqual({});
  });

  it('are refused with every complaint at once', () => {
    const json = { prefix: 1, max_size: '5', content_types: 'image/png', maxSize: 5 };
    expect(refusalOf(() => canonicalConstraints(json)).violations).toMatchObject([
      { field: 'constraints', rule: 'unknown_member' },
      { field: 'constraints.prefix', rule: 'prefix_type' },
      { field: 'constraints.max_size', rule: 'max_size' },
      { field: 'constraints.content_types', rule: 'media_range' },
    ]);
  });

  it.each([
    ['null', null, 'constraints_type'],
    ['a list', [], 'constraints_type'],
    ['text', '/a/', 'constraints_type'],
    ['a null member', { prefix: null }, 'prefix_type'],
    ['a fraction', { max_size: 1.5 }, 'max_size'],
    ['more than a safe integer', { max_size: 2 ** 53 }, 'max_size'],
    ['types that are not text', { content_types: [1] }, 'media_range'],
    ['__proto__', JSON.parse('{"__proto__": {"prefix": "/"}}'), 'unknown_member'],
  ])('are refused for %s', (_, json, rule) => {
    expect(refusedFor(() => canonicalConstraints(json))).toBe(`invalid_request: ${rule}`);
  });
});
