import fc from 'fast-check';
import { z } from 'zod';

interface Shape {
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly items?: Shape;
  readonly anyOf?: readonly Shape[];
  readonly oneOf?: readonly Shape[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
}

const JUNK = fc.oneof(
  fc.constantFrom<unknown>(
    '',
    ' ',
    'x'.repeat(10_000),
    '\u0000',
    '2027-13-45',
    '-1',
    'bucket:',
    '/',
  ),
  fc.constantFrom<unknown>(null, true, 0, -1, 0.5, 2 ** 53, 1e300, [], {}, [[]], [null], { a: 1 }),
  fc.jsonValue({ maxDepth: 2 }),
);

const shaped = (shape: Shape, depth: number): fc.Arbitrary<unknown> => {
  const { properties, items, anyOf = [], oneOf = [], enum: values = [] } = shape;
  if (depth === 0) return JUNK;
  const below = [...anyOf, ...oneOf].map((each) => shaped(each, depth - 1));
  if (properties) {
    const members = Object.entries(properties).map(
      ([name, member]) => [name, shaped(member, depth - 1)] as const,
    );
    below.push(
      fc.record({ ...Object.fromEntries(members), more: JUNK }, { requiredKeys: [] }),
      fc.record(Object.fromEntries(members)),
    );
  }
  if (items) below.push(fc.array(shaped(items, depth - 1), { maxLength: 3 }));
  if (values.length > 0) below.push(fc.constantFrom(...values));
  if (shape.const !== undefined) below.push(fc.constant(shape.const));
  return fc.oneof(
    { arbitrary: JUNK, weight: 1 },
    ...below.map((each) => ({ arbitrary: each, weight: 3 })),
  );
};

/** Values that have a good deal of a schema's shape, and junk where something else belongs. */
export const junkFor = (schema: z.ZodType, depth = 4): fc.Arbitrary<unknown> =>
  shaped(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Shape, depth);

/** What a library says of itself, a program of a value, or nobody of anything. */
export const NOT_OURS =
  /Invalid |Too (?:small|big)|Unrecogni[sz]ed|expected |received |undefined|\[object|NaN|ZodError|must match|^\s*$/;
