import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { StorageAction, StorageDetail } from '../../../src/protocol/authorization-details.ts';
import { type Attenuated, attenuate, detailContains } from '../../../src/scope/attenuate.ts';
import { contains } from '../../../src/scope/constraints.ts';
import { actions, bucket, constraints, detail, hostilePath } from './arbitraries.ts';

const grant = (
  list: readonly StorageAction[],
  limits: Partial<StorageDetail> = {},
): StorageDetail => ({
  type: 'daypass_storage',
  locations: ['bucket:photos'],
  actions: list,
  ...limits,
});

const wide = grant(['read', 'write', 'list'], { prefix: '/a/', max_size: 100 });
const resource = 'bucket:photos';

const refusal = (outcome: Attenuated): string =>
  'violations' in outcome
    ? `${outcome.code}: ${outcome.violations.map((v) => `${v.field} ${v.rule}`).join(', ')}`
    : `granted ${JSON.stringify(outcome.granted)}`;

describe('attenuate', () => {
  it('issues the asked actions with the held limits where none are asked', () => {
    expect(attenuate({ held: [wide], asked: { resource, actions: ['write', 'read'] } })).toEqual({
      granted: { ...wide, actions: ['read', 'write'] },
    });
  });

  it('issues the asked limits where they lie within the held ones', () => {
    const asked = { resource, actions: ['read'], constraints: { prefix: '/a/b/', max_size: 100 } };
    expect(attenuate({ held: [wide], asked })).toEqual({
      granted: { ...wide, actions: ['read'], prefix: '/a/b/' },
    });
  });

  it.each<[string, Parameters<typeof attenuate>[0]['asked'], string]>([
    ['no action', { resource, actions: [] }, 'invalid_scope: actions storage_actions'],
    ['an unknown action', { resource, actions: ['*'] }, 'invalid_scope: actions storage_actions'],
    ['another case', { resource, actions: ['READ'] }, 'invalid_scope: actions storage_actions'],
    [
      'an action twice',
      { resource, actions: ['read', 'read'] },
      'invalid_scope: actions duplicate_action',
    ],
    [
      'an action that is not held',
      { resource, actions: ['read', 'delete'] },
      'invalid_scope: actions exceeds_grant',
    ],
    [
      'another bucket',
      { resource: 'bucket:photos2', actions: ['read'] },
      'invalid_target: resource resource_not_held',
    ],
    [
      'a wider prefix and a larger size',
      { resource, actions: ['read'], constraints: { prefix: '/', max_size: 101 } },
      'invalid_scope: constraints.prefix exceeds_grant, constraints.max_size exceeds_grant',
    ],
    [
      'a way out of the prefix',
      { resource, actions: ['read'], constraints: { prefix: '/a/../b/' } },
      'invalid_scope: constraints.prefix path_dot_segment',
    ],
  ])('T07 refuses %s', (_, asked, expected) => {
    expect(refusal(attenuate({ held: [wide], asked }))).toBe(expected);
  });

  it('refuses everything to who holds nothing', () => {
    expect(refusal(attenuate({ held: [], asked: { resource, actions: ['read'] } }))).toBe(
      'invalid_target: resource resource_not_held',
    );
  });

  it('uses the first grant that holds all of it', () => {
    const first = grant(['read'], { prefix: '/x/' });
    const second = grant(['read', 'write'], { prefix: '/y/' });
    const third = grant(['read', 'write'], { prefix: '/' });
    const held = [first, second, third];
    const ask = (list: readonly StorageAction[], prefix?: string) =>
      attenuate({
        held,
        asked: { resource, actions: list, constraints: prefix === undefined ? {} : { prefix } },
      });
    expect(ask(['read'])).toMatchObject({ granted: { prefix: '/x/' } });
    expect(ask(['read', 'write'])).toMatchObject({ granted: { prefix: '/y/' } });
    expect(ask(['read'], '/y/1/')).toMatchObject({ granted: { prefix: '/y/1/' } });
    expect(ask(['read'], '/z/')).toMatchObject({ granted: { prefix: '/z/' } });
  });

  it('complains about the first grant that has the actions', () => {
    const held = [grant(['list'], { prefix: '/l/' }), wide, grant(['read'], { prefix: '/y/' })];
    const asked = { resource, actions: ['read'], constraints: { prefix: '/z/' } };
    expect(attenuate({ held, asked })).toMatchObject({
      violations: [{ message: expect.stringContaining('/a/') }],
    });
  });

  it('does not add grants up: an action of one never meets the prefix of another', () => {
    const held = [grant(['read'], { prefix: '/a/' }), grant(['write'], { prefix: '/a/b/' })];
    expect(refusal(attenuate({ held, asked: { resource, actions: ['read', 'write'] } }))).toBe(
      'invalid_scope: actions actions_of_one_grant',
    );
    const asked = { resource, actions: ['write'], constraints: { prefix: '/a/c/' } };
    expect(refusal(attenuate({ held, asked }))).toBe(
      'invalid_scope: constraints.prefix exceeds_grant',
    );
  });

  it('law 2: what is issued lies within one held detail and within what was asked', () => {
    const asked = fc.record({
      resource: bucket().map((id) => `bucket:${id}`),
      actions: actions(2),
      constraints: fc.oneof(
        constraints(),
        fc.tuple(constraints(), hostilePath()).map(([limits, path]) => ({
          ...limits,
          prefix: `/a/${path}/`,
        })),
      ),
    });
    let issued = 0;
    fc.assert(
      fc.property(fc.array(detail(), { maxLength: 4 }), asked, (held, request) => {
        const outcome = attenuate({ held, asked: request });
        if (!('granted' in outcome)) {
          expect(outcome.violations.length).toBeGreaterThan(0);
          return;
        }
        issued += 1;
        const { granted } = outcome;
        expect(held.some((h) => detailContains(h, granted))).toBe(true);
        expect(granted.locations).toEqual([request.resource]);
        expect(granted.actions).toEqual(request.actions);
        const { prefix, ...limits } = request.constraints;
        expect(contains(limits, granted)).toBe(true);
        // A path that was asked in another composition is issued composed.
        if (prefix !== undefined) expect(granted.prefix).toBe(prefix.normalize('NFC'));
        // And again: what was issued can be narrowed, and never widened back.
        expect(attenuate({ held: [granted], asked: request })).toEqual({ granted });
      }),
      { numRuns: 1_500 },
    );
    expect(issued).toBeGreaterThan(50); // the property is about something
  });

  it('refuses nothing that one held detail holds', () => {
    fc.assert(
      fc.property(fc.array(detail(), { minLength: 1, maxLength: 4 }), fc.nat(), (held, pick) => {
        const { locations, actions: list, type: _, ...limits } = held[pick % held.length]!;
        const outcome = attenuate({
          held,
          asked: { resource: locations[0], actions: list, constraints: limits },
        });
        expect(outcome).toMatchObject({ granted: { locations, actions: list, ...limits } });
      }),
    );
  });
});

describe('detailContains', () => {
  it('wants the same bucket, no other action, and limits within', () => {
    expect(detailContains(wide, grant(['read'], { prefix: '/a/b/', max_size: 1 }))).toBe(true);
    expect(detailContains(wide, { ...wide, locations: ['bucket:photos2'] })).toBe(false);
    expect(detailContains(wide, { ...wide, actions: ['delete'] })).toBe(false);
    expect(detailContains(wide, { ...wide, prefix: '/ab/' })).toBe(false);
    expect(detailContains(wide, grant(['read']))).toBe(false);
  });
});
