import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { loadBundle } from '../../../../src/policy/cedar/bundle.ts';
import { ancestors } from '../../../../src/policy/cedar/canonical-path.ts';
import { createCedarEngine } from '../../../../src/policy/cedar/cedar-engine.ts';
import { POLICIES, upload } from '../questions.ts';

const engine = createCedarEngine(loadBundle(POLICIES));

const segment = fc.constantFrom('a', 'b', 'a-old', 'ab', 'ä', 'a.b');
const segments = fc.array(segment, { minLength: 0, maxLength: 4 });
const prefix = segments.map((parts) => (parts.length === 0 ? '/' : `/${parts.join('/')}/`));
const size = fc.integer({ min: 0, max: 4 });
const type = fc.constantFrom('image/png', 'image/gif', 'text/csv');
const ranges = fc.uniqueArray(fc.constantFrom('image/png', 'image/*', 'text/csv', '*/*'), {
  minLength: 1,
});
const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const limits = fc.record({
  prefix: optional(prefix),
  max_size: optional(size),
  content_types: optional(ranges),
});
const given = <T extends object>(record: T) =>
  Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined));

const admits = (held: readonly string[], asked: string) =>
  held.some((range) => {
    if (range === '*/*' || range === asked) return true;
    return range.endsWith('/*') && asked.startsWith(range.slice(0, -1));
  });

type Limits = { prefix?: string; max_size?: number; content_types?: string[] };

describe('an upload', () => {
  it('is permitted exactly where key, size and type lie within both token and grant', () => {
    const object = fc.record({ folder: prefix, size, type });
    fc.assert(
      fc.property(limits, limits, object, (token, grant, { folder, size: bytes, type: mime }) => {
        const key = `${folder}k`;
        const held: Limits[] = [given(token), given(grant)];
        const isWithin = held.every(
          (limit) =>
            key.startsWith(limit.prefix ?? '') &&
            bytes <= (limit.max_size ?? bytes) &&
            admits(limit.content_types ?? ['*/*'], mime),
        );
        const decision = engine.decide({
          ...upload,
          constraints: given(token),
          grant: { actions: ['write'], ...given(grant) },
          object: { key, size: bytes, contentType: mime },
        });
        expect(decision.effect).toBe(isWithin ? 'permit' : 'deny');
      }),
      { numRuns: 300 },
    );
  });
});

describe('an exchange', () => {
  it('is permitted exactly where every limit asked for lies within the granted one', () => {
    const wider = (asked: Limits, granted: Limits) => [
      granted.prefix !== undefined && !asked.prefix?.startsWith(granted.prefix),
      granted.max_size !== undefined && !((asked.max_size ?? 9) <= granted.max_size),
      granted.content_types !== undefined &&
        !asked.content_types?.every((one) => admits(granted.content_types!, one)),
    ];
    fc.assert(
      fc.property(limits, limits, (token, grant) => {
        const { object: _, ...question } = upload;
        const decision = engine.decide({
          ...question,
          action: 'exchange',
          constraints: given(token),
          grant: { actions: ['write'], ...given(grant) },
        });
        const isWider = wider(given(token), given(grant)).includes(true);
        expect(decision.effect).toBe(isWider ? 'deny' : 'permit');
      }),
      { numRuns: 300 },
    );
  });
});

describe('ancestors', () => {
  it('are the prefixes that hold a path, by whole segments', () => {
    expect(ancestors('/a/bc/d.png')).toEqual(['/', '/a/', '/a/bc/']);
    expect(ancestors('/a/bc/')).toEqual(['/', '/a/', '/a/bc/']);
    expect(ancestors('/')).toEqual(['/']);
  });

  it('are bounded: what lies deeper is contained in less, never in more', () => {
    const deep = ancestors(`/${'d/'.repeat(500)}`);
    expect(deep).toHaveLength(64);
    expect(deep[0]).toBe('/');
  });
});
