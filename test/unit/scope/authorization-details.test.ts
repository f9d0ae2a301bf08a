import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  detailsToScopes,
  parseAuthorizationDetails,
  scopesToDetails,
} from '../../../src/scope/authorization-details.ts';
import { printStorageScope } from '../../../src/scope/storage-scope.ts';
import { detail, storageScope } from './arbitraries.ts';
import { refusalOf, refusedFor } from './refusal.ts';

const valid = {
  type: 'daypass_storage',
  locations: ['bucket:photos'],
  actions: ['read', 'write'],
  prefix: '/a/',
  max_size: 5,
  content_types: ['image/png'],
};

describe('authorization details (RFC 9396)', () => {
  it('are read into canonical form', () => {
    const json = { ...valid, actions: ['write', 'read'], content_types: ['Image/PNG'] };
    expect(parseAuthorizationDetails([json])).toEqual([valid]);
    const { type, locations, actions } = valid;
    expect(parseAuthorizationDetails([{ type, locations, actions }])).toEqual([
      { type, locations, actions },
    ]);
  });

  it.each<[string, unknown, string]>([
    ['no list', valid, 'authorization_details details_list'],
    ['an empty list', [], 'authorization_details details_list'],
    ['JSON that nobody parsed', JSON.stringify([valid]), 'authorization_details details_list'],
    ['null for a detail', [null], 'authorization_details[0] detail_type'],
    ['a list for a detail', [[valid]], 'authorization_details[0] detail_type'],
    ['an unknown type', [{ ...valid, type: 'x' }], 'authorization_details[0].type unknown_type'],
    [
      'two locations',
      [{ ...valid, locations: ['bucket:a', 'bucket:b'] }],
      'authorization_details[0].locations one_location',
    ],
    [
      'no location',
      [{ ...valid, locations: [] }],
      'authorization_details[0].locations one_location',
    ],
    [
      'a location that is no list',
      [{ ...valid, locations: 'bucket:a' }],
      'authorization_details[0].locations one_location',
    ],
    [
      'a location that is no bucket',
      [{ ...valid, locations: ['https://rs'] }],
      'authorization_details[0].locations one_location',
    ],
    ['no action', [{ ...valid, actions: [] }], 'authorization_details[0].actions storage_actions'],
    [
      'an unknown action',
      [{ ...valid, actions: ['read', 'admin'] }],
      'authorization_details[0].actions storage_actions',
    ],
    [
      'the same action twice',
      [{ ...valid, actions: ['read', 'read'] }],
      'authorization_details[0].actions duplicate_action',
    ],
    [
      'a traversal',
      [{ ...valid, prefix: '/%2e%2e/' }],
      'authorization_details[0].prefix path_dot_segment',
    ],
    ['a size in text', [{ ...valid, max_size: '5' }], 'authorization_details[0].max_size max_size'],
    [
      'types in text',
      [{ ...valid, content_types: 'image/png' }],
      'authorization_details[0].content_types media_range',
    ],
    [
      'an unknown member, RFC 9396 §2.2 included',
      [valid, { ...valid, datatypes: ['x'] }],
      'authorization_details[1] unknown_member',
    ],
    [
      '__proto__',
      [JSON.parse(JSON.stringify(valid).replace('{', '{"__proto__":{"max_size":1},'))],
      'authorization_details[0] unknown_member',
    ],
  ])('§5 refuse %s', (_, json, refusal) => {
    const { code, violations } = refusalOf(() => parseAuthorizationDetails(json));
    expect(code).toBe('invalid_authorization_details');
    expect(violations.map((v) => `${v.field} ${v.rule}`)).toEqual([refusal]);
  });

  it('are refused with every complaint of every detail', () => {
    const json = [{ type: 'x', locations: [], actions: [], prefix: 'a', y: 1 }, valid, 7];
    expect(refusedFor(() => parseAuthorizationDetails(json))).toBe(
      'invalid_authorization_details: unknown_member unknown_type one_location storage_actions prefix_slashes detail_type',
    );
  });

  it('come back from JSON as they went', () => {
    fc.assert(
      fc.property(fc.array(detail(), { minLength: 1, maxLength: 3 }), (details) => {
        expect(parseAuthorizationDetails(JSON.parse(JSON.stringify(details)))).toEqual(details);
      }),
    );
  });
});

describe('scopes and details say the same', () => {
  it('one scope per action, in the order of the vocabulary', () => {
    expect(
      detailsToScopes([
        {
          ...valid,
          type: 'daypass_storage',
          locations: ['bucket:photos'],
          actions: ['write', 'read'],
        },
      ]),
    ).toEqual([
      'storage:bucket:photos:read:prefix=/a/:max_size=5:types=image/png',
      'storage:bucket:photos:write:prefix=/a/:max_size=5:types=image/png',
    ]);
  });

  it('scopes that differ in their action only are one detail', () => {
    expect(
      scopesToDetails([
        'storage:bucket:a:write:prefix=/x/',
        'storage:bucket:b:read',
        'storage:bucket:a:read:prefix=/x/',
        'storage:bucket:a:read',
      ]),
    ).toEqual([
      {
        type: 'daypass_storage',
        locations: ['bucket:a'],
        actions: ['read', 'write'],
        prefix: '/x/',
      },
      { type: 'daypass_storage', locations: ['bucket:b'], actions: ['read'] },
      { type: 'daypass_storage', locations: ['bucket:a'], actions: ['read'] },
    ]);
  });

  it('any set of scopes survives the way to details and back', () => {
    fc.assert(
      fc.property(fc.array(storageScope(), { maxLength: 6 }), (scopes) => {
        const texts = [...new Set(scopes.map(printStorageScope))];
        const details = scopesToDetails(texts);
        expect([...detailsToScopes(details)].sort()).toEqual([...texts].sort());
        expect(scopesToDetails(detailsToScopes(details))).toEqual(details);
      }),
    );
  });

  it('refuses what is not a storage scope', () => {
    expect(refusedFor(() => scopesToDetails(['orders:read']))).toMatch('invalid_scope');
  });

  it('never prints a detail whose location is no bucket', () => {
    expect(() =>
      detailsToScopes([{ type: 'daypass_storage', locations: ['https://rs'], actions: ['read'] }]),
    ).toThrow(TypeError);
  });
});
